"""Breeding of candidates that the screens accept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmautoloss.errors import MMAutoLossError
from mmautoloss.screen import Screen
from mmautoloss.search.draw_progress import DrawProgress
from mmautoloss.search.settings import SearchSettings
from mmautoloss.strategy import Drawn, Proposal, Strategy
from mmautoloss.trial import History

MAX_DUPLICATES = 20
"""How often a candidate is bred again because the same loss is being trained."""


class SearchStalled(MMAutoLossError):
    """No new candidate can be found."""


class Breeder:
    """Breeds genomes by a strategy, of expressions that the screens accept.

    Args:
        settings: Settings of the search.
        strategy: Breeds candidates.
        screens: Screens of expressions, by branch.
        drawing: Progress of the drawing.
        watch: Called before each drawn expression; may raise to abort the drawing.
    """

    def __init__(
        self,
        settings: SearchSettings,
        strategy: Strategy,
        screens: Mapping[str, Screen],
        drawing: DrawProgress,
        watch: Callable[[], None],
    ) -> None:
        self.settings = settings
        self.drawing = drawing
        self._strategy = strategy
        self._screens = screens
        self._watch = watch

    def breed(self, history: History, rng: random.Random, funnel: Counter[str]) -> Proposal:
        """The next genome; verdicts on what was drawn are counted in the funnel.

        Raises:
            SearchStalled: No expression passes the screen of a branch.
        """

        def draw(branch: str, make: Callable[[], Drawn]) -> Drawn:
            for _ in range(self.settings.budget.max_draws):
                self._watch()
                self.drawing.count()
                drawn = make()
                verdict = self._screens[branch].judge(drawn.tree)
                funnel[verdict.reason] += 1
                if verdict.accepted:
                    return drawn
            raise SearchStalled(
                f'None of {self.settings.budget.max_draws} expressions for the branch {branch!r} passed the screen: '
                f'{dict(funnel)}. Lower screen.eta or raise max_draws in train_cfg.'
            )

        return self._strategy.for_budget(self.settings.budget.max_trials).propose(history, rng, draw)

    def fields(self, proposal: Proposal, funnel: Counter[str]) -> dict[str, Any]:
        """Fields of the trial of a proposal."""
        # weigh, not judge: known losses and their children are trained even where the screen rejects them
        verdicts = {name: self._screens[name].weigh(tree) for name, tree in proposal.genome.items()}
        digits = self.settings.digits
        return {
            'genome': proposal.genome,
            'weights': {
                place: weight for name, verdict in verdicts.items() for place, weight in verdict.weights(name).items()
            },
            'parent': proposal.parent,
            'origin': proposal.origin,
            'fingerprint': joined(
                [self._screens[name].fingerprint(verdict, digits) for name, verdict in verdicts.items()]
            ),
            'funnel': funnel,
        }


def joined(fingerprints: Sequence[str]) -> str:
    """The fingerprint of all branches; '' if that of any branch is unknown."""
    return ' | '.join(fingerprints) if all(fingerprints) else ''
