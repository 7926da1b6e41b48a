"""The choice of the next trial: a pure function of the history, so that a resumed search needs nothing else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

from mmautoloss.errors import MMAutoLossError
from mmautoloss.expr import Genome
from mmautoloss.screen import Screen, Verdict
from mmautoloss.search.draw_progress import DrawProgress
from mmautoloss.search.settings import SearchSettings
from mmautoloss.strategy import Drawn, Proposal, Strategy
from mmautoloss.trial import History, Role, State, Trial


class SearchStalled(MMAutoLossError):
    """No new candidate can be found."""


_MAX_DUPLICATES = 20
"""How often a candidate is bred again because the same loss is being trained."""


class Planner:
    """Chooses the next trial.

    Stages: the hand-made losses and their repeats, known losses, search, and after all of these have settled, the best
    few again with other seeds.

    Args:
        settings: Settings of the search.
        strategy: Breeds candidates.
        screens: Screens of expressions, by branch.

    Attributes:
        watch: Called before each drawn expression; may raise to abort the drawing.
        drawing: Progress of the drawing.
    """

    def __init__(self, settings: SearchSettings, strategy: Strategy, screens: Mapping[str, Screen]) -> None:
        self.settings = settings
        self.strategy = strategy
        self.screens = dict(screens)
        self.watch: Callable[[], None] = lambda: None
        self.drawing = DrawProgress()

    def next(self, history: History, elapsed: float) -> Trial | None:
        """The next trial, without outcome; None while there is none to start.

        Args:
            history: All trials so far.
            elapsed: Seconds of search so far.
        """
        role = self.stage(history, elapsed)
        return None if role is None else self.make(role, history)

    def stage(self, history: History, elapsed: float) -> Role | None:
        """The role of the next trial; None while running trials may still become finalists."""
        if len(self._baselines(history)) <= self.settings.budget.baseline_repeats:
            return Role.BASELINE
        if len(history.of_role(Role.KNOWN)) < len(self.settings.known):
            return Role.KNOWN
        if not self._search_over(history, elapsed):
            return Role.SEARCH
        running = any(trial.role is not Role.FINALIST for trial in history.running())
        return None if running else Role.FINALIST

    def make(self, role: Role, history: History) -> Trial | None:
        """The next trial of a role, a function of the history alone; None where all finalists have been repeated."""
        if role is Role.BASELINE:
            return self._baseline(history, self._baselines(history))
        if role is Role.KNOWN:
            known = self.settings.known[len(history.of_role(Role.KNOWN))]
            return self._bred(history, Role.KNOWN, Proposal(known, None, 'known'), Counter())
        return self._search(history) if role is Role.SEARCH else self._finalist(history)

    def _baselines(self, history: History) -> list[Trial]:
        # a failed baseline ended the search; a resumed search tries it again
        return [trial for trial in history.of_role(Role.BASELINE) if trial.state is not State.FAILED]

    def _search_over(self, history: History, elapsed: float) -> bool:
        return history.n_proxies() >= self.settings.budget.max_trials or self._out_of_time(elapsed)

    def _out_of_time(self, elapsed: float) -> bool:
        limit = self.settings.budget.max_seconds
        return limit is not None and elapsed >= limit

    def _baseline(self, history: History, earlier: list[Trial]) -> Trial:
        fingerprints = [screen.hand_made_fingerprint(self.settings.digits) for screen in self.screens.values()]
        return self._trial(
            history,
            Role.BASELINE,
            seed_offset=len(earlier),
            repeats=earlier[0].number if earlier else None,
            origin='hand-made',
            # only the first has the seed of the candidates, so only its score may be reused for an equal loss
            fingerprint='' if earlier else _join(fingerprints),
        )

    def _search(self, history: History) -> Trial:
        rng = random.Random(f'{self.settings.seed}/{len(history)}')
        funnel: Counter[str] = Counter()
        training = {trial.fingerprint for trial in history.running()} - {''}
        with self.drawing.breeding():
            for _ in range(_MAX_DUPLICATES):
                trial = self._breed(history, rng, funnel)
                if trial.fingerprint not in training:  # else the same loss is running and has no score to reuse yet
                    break
        return trial

    def _breed(self, history: History, rng: random.Random, funnel: Counter[str]) -> Trial:

        def draw(branch: str, make) -> Drawn:
            for _ in range(self.settings.budget.max_draws):
                self.watch()
                self.drawing.count()
                drawn = make()
                verdict = self.screens[branch].judge(drawn.tree)
                funnel[verdict.reason] += 1
                if verdict.accepted:
                    return drawn
            raise SearchStalled(
                f'None of {self.settings.budget.max_draws} expressions for the branch {branch!r} passed the screen: '
                f'{dict(funnel)}. Lower screen.eta or raise max_draws in train_cfg.'
            )

        strategy = self.strategy.for_budget(self.settings.budget.max_trials)
        proposal = strategy.propose(history, rng, draw)
        if proposal.repeats is not None:
            return self._again(history, Role.SEARCH, history[proposal.repeats], proposal.origin)
        return self._bred(history, Role.SEARCH, proposal, funnel)

    def _bred(self, history: History, role: Role, proposal: Proposal, funnel: Counter[str]) -> Trial:
        # weigh, not judge: known losses and their children are trained even where the screen rejects them
        verdicts = {name: self.screens[name].weigh(tree) for name, tree in proposal.genome.items()}
        return self._trial(
            history,
            role,
            genome=proposal.genome,
            weights={name: verdict.weight for name, verdict in verdicts.items()},
            parent=proposal.parent,
            origin=proposal.origin,
            fingerprint=self._fingerprint(proposal.genome, verdicts),
            funnel=funnel,
            bar=self._bar(history) if role is Role.SEARCH else None,
        )

    def _bar(self, history: History) -> float | None:
        rung = self.settings.rung
        return rung.bar(history.rung_scores()) if rung else None

    def _fingerprint(self, genome: Genome, verdicts: Mapping[str, Verdict]) -> str:
        return _join([self.screens[name].fingerprint(verdicts[name], self.settings.digits) for name in genome])

    def _finalist(self, history: History) -> Trial | None:
        for repeat in range(1, self.settings.budget.finalist_repeats + 1):
            for trial in history.best_found(self.settings.budget.finalists):
                done = [t for t in history.of_role(Role.FINALIST) if t.repeats == trial.number]
                if len(done) < repeat:
                    return self._again(history, Role.FINALIST, trial, 'repeat')
        return None

    def _again(self, history: History, role: Role, trial: Trial, origin: str) -> Trial:
        """A trial again, with the next seed that it has not had."""
        return self._trial(
            history,
            role,
            seed_offset=1 + len(history.repeats_of(trial.number)),
            genome=trial.genome,
            weights=trial.weights,
            parent=trial.number,
            origin=origin,
            repeats=trial.number,
            fingerprint=trial.fingerprint,
        )

    def _trial(self, history: History, role: Role, seed_offset: int = 0, **fields) -> Trial:
        return Trial(
            number=len(history),
            role=role,
            seed=self.settings.seed + seed_offset,
            settled_before=len(history.settled()),
            **fields,
        )


def _join(fingerprints: list[str]) -> str:
    """The fingerprint of all branches; '' if that of any branch is unknown."""
    return ' | '.join(fingerprints) if all(fingerprints) else ''
