"""All trials of a search, as one reads them off the journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import mean

from mmautoloss.trial.trial import Outcome, Role, State, Trial


class History:
    """The trials by number and the order in which they settled.

    Example:
        >>> history = History()
        >>> history.add(Trial(0, Role.BASELINE, seed=0))
        >>> history.settle(0, Outcome(State.COMPLETE, score=0.5))
        >>> history.baseline_scores()
        [0.5]
    """

    def __init__(self) -> None:
        self._trials: dict[int, Trial] = {}
        self._order: list[int] = []

    def add(self, trial: Trial) -> None:
        """Takes in a proposed trial."""
        if trial.number != len(self._trials):
            raise ValueError(f'Trial {len(self._trials)} is next, but got {trial.number}.')
        self._trials[trial.number] = trial

    def settle(self, number: int, outcome: Outcome) -> None:
        """Takes in what came of a trial."""
        trial = self._trials.get(number)
        if trial is None or trial.outcome is not None:
            raise ValueError(f'Trial {number} is not running.')
        self._trials[number] = trial.settle(outcome)
        self._order.append(number)

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials.values())

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    def running(self) -> list[Trial]:
        """Trials without an outcome, by number."""
        return [trial for trial in self if trial.outcome is None]

    def settled(self) -> list[Trial]:
        """Trials with an outcome, oldest first."""
        return [self._trials[number] for number in self._order]

    def population(self) -> list[Trial]:
        """Searched genomes with a score, oldest first: what evolution selects from."""
        roles = (Role.KNOWN, Role.SEARCH)
        return [trial for trial in self.settled() if trial.role in roles and trial.score is not None]

    def of_role(self, *roles: Role) -> list[Trial]:
        """Trials of these roles, by number."""
        return [trial for trial in self if trial.role in roles]

    def n_proxies(self) -> int:
        """Searched candidates that were or are being trained; equivalents cost nothing and do not count."""
        candidates = self.of_role(Role.KNOWN, Role.SEARCH)
        return sum(trial.state is not State.EQUIVALENT for trial in candidates)

    def baseline_scores(self) -> list[float]:
        """Scores of the hand-made losses, one a seed."""
        return [trial.score for trial in self.of_role(Role.BASELINE) if trial.score is not None]

    def scores_of(self, number: int) -> list[float]:
        """Scores of a trial and of its repeats with other seeds."""
        trials = [trial for trial in self if trial.number == number or trial.repeats == number]
        return [trial.score for trial in trials if trial.score is not None]

    def same_loss(self, fingerprint: str) -> Trial | None:
        """The trial of the search or the baseline that was trained with this fingerprint, if any."""
        for trial in self.of_role(Role.BASELINE, Role.KNOWN, Role.SEARCH):
            if fingerprint and trial.fingerprint == fingerprint and trial.state is State.COMPLETE:
                return trial
        return None

    def best_found(self, count: int) -> list[Trial]:
        """The best candidates that were found and trained, by their first score; older ones first among equals."""
        trained = [trial for trial in self.of_role(Role.SEARCH) if trial.state is State.COMPLETE]
        return sorted(trained, key=lambda trial: (-trial.score, trial.number))[:count]

    def ranking(self, count: int) -> list[Trial]:
        """The same by the mean over all their seeds, best first, so that one lucky training does not win."""
        return sorted(self.best_found(count), key=lambda trial: (-mean(self.scores_of(trial.number)), trial.number))

    def winner(self) -> Trial | None:
        """The best candidate: by the mean over its seeds among those that were repeated, else by its one score."""
        repeated = {trial.repeats for trial in self.of_role(Role.FINALIST)}
        finalists = [trial for trial in self.ranking(len(self)) if trial.number in repeated]
        return next(iter(finalists or self.ranking(1)), None)

    def funnel(self) -> Counter[str]:
        """Drawn expressions by verdict, over all trials."""
        total: Counter[str] = Counter()
        for trial in self:
            total.update(trial.funnel)
        return total
