"""Searches by the real planner whose scores are drawn: what a search concludes where the truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable

from mmautoloss.expr import Genome, Tree, parse
from mmautoloss.losses import input_kind
from mmautoloss.screen import ACCEPTED, Screen, Verdict
from mmautoloss.search import Budget, Planner, SearchSettings
from mmautoloss.strategy import Draw, Drawn, Proposal, Strategy
from mmautoloss.trial import History, Outcome, State, Trial

BRANCH = 'cls'

Effect = Callable[[int], float]
"""The true difference of the losses of a trial, by its number, to those of trial 0, the hand-made ones."""


class AllDiffer(Screen):
    """Accepts all; each loss is another one."""

    def __init__(self) -> None:
        self.kind = input_kind('delta')

    def judge(self, tree: Tree) -> Verdict:
        """Accepts the loss."""
        return Verdict(ACCEPTED, 1.0, (1.0,))

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        """None, so that nothing is the same loss as another."""
        return ''


class OneLoss(Strategy):
    """Proposes the same expression always, since only scores matter here."""

    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """The expression."""
        drawn = draw(BRANCH, lambda: Drawn(_TREE, 'drawn'))
        return Proposal(Genome({BRANCH: drawn.tree}), None, 'drawn')


_TREE = parse('p - y', ('p', 'y'))


def simulate(
    budget: Budget, effect: Effect, rng: random.Random, known: int = 2, shared: float = 0.5, slots: int = 1
) -> History:
    """A whole search with drawn scores, whose standard deviation over seeds is 1.

    Args:
        budget: The budget.
        effect: True differences of the losses.
        rng: Draws the scores.
        known: Number of known losses.
        shared: Share of the variance over seeds that all losses have in common.
        slots: Trainings at the same time; the oldest ends first.
    """
    genomes = (Genome({BRANCH: _TREE}),) * known
    planner = Planner(SearchSettings(0, budget, genomes), OneLoss({BRANCH: ('p', 'y')}), {BRANCH: AllDiffer()})
    history = History()
    of_seed: dict[int, float] = {}
    while True:
        while len(history.running()) < slots and (trial := planner.next(history, 0.0)) is not None:
            history.add(trial)
        running = history.running()
        if not running:
            return history
        history.settle(running[0].number, Outcome(State.COMPLETE, _draw(running[0], effect, rng, of_seed, shared)))


def _draw(trial: Trial, effect: Effect, rng: random.Random, of_seed: dict[int, float], shared: float) -> float:
    common = of_seed.setdefault(trial.seed, rng.gauss(0, 1))
    own = rng.gauss(0, 1)
    number = trial.number if trial.repeats is None else trial.repeats
    return effect(number) + common * shared**0.5 + own * (1 - shared) ** 0.5
