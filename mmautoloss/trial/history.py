"""All trials of a search, as one reads them off the journal."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean

from mmautoloss.trial.indices import Ranked, Shortest
from mmautoloss.trial.trial import Outcome, Role, State, Trial

_CANDIDATES = (Role.KNOWN, Role.SEARCH)


class History:
    """The trials by number and the order in which they settled.

    Each answer takes no longer than its own length asks for, since a search asks several a trial: what it needs is kept up
    to date by ``add`` and ``settle``.

    Example:
        >>> history = History()
        >>> history.add(Trial(0, Role.BASELINE, seed=0))
        >>> history.settle(0, Outcome(State.COMPLETE, score=0.5))
        >>> history.baseline_scores()
        [0.5]
    """

    def __init__(self) -> None:
        self._trials: dict[int, Trial] = {}
        self._running: dict[int, Trial] = {}
        self._settled: list[Trial] = []
        self._population: list[Trial] = []
        self._by_roles: dict[tuple[Role, ...], dict[int, Trial]] = {}
        self._repeats: dict[int, list[int]] = {}
        self._trained: dict[str, int] = {}
        self._stopped: dict[str, int] = {}
        self._failed: dict[str, int] = {}
        self._rungs: list[float] = []
        self._found = Ranked()
        self._distinct = Shortest()
        self._n_proxies = 0
        self._funnel: Counter[str] = Counter()

    def add(self, trial: Trial) -> None:
        """Takes in a proposed trial.

        Raises:
            ValueError: Its number is not the next one.
        """
        number = trial.number
        if number != len(self._trials):
            raise ValueError(f'Trial {len(self._trials)} is next, but got {number}.')
        self._put(trial)
        if trial.repeats is not None:
            self._repeats.setdefault(trial.repeats, []).append(number)
        if trial.role in _CANDIDATES:
            self._n_proxies += 1
        for verdict, count in trial.funnel.items():
            self._funnel[verdict] += count
        if trial.outcome is None:
            self._running[number] = trial
        else:
            self._judge(trial)

    def settle(self, number: int, outcome: Outcome) -> None:
        """Takes in what came of a trial.

        Raises:
            ValueError: It is not running.
        """
        trial = self._running.pop(number, None)
        if trial is None:
            raise ValueError(f'Trial {number} is not running.')
        trial = trial.settle(outcome)
        self._put(trial)
        self._settled.append(trial)
        if trial.role in _CANDIDATES and outcome.score is not None:
            self._population.append(trial)
            self._distinct.add(trial)
        self._judge(trial)

    def _put(self, trial: Trial) -> None:
        self._trials[trial.number] = trial
        for roles, trials in self._by_roles.items():
            if trial.role in roles:
                trials[trial.number] = trial

    def _judge(self, trial: Trial) -> None:
        state, role, rung = trial.state, trial.role, trial.required_outcome.rung
        if role in _CANDIDATES and rung is not None and not trial.was_spared:
            insort(self._rungs, rung)
        if role in _CANDIDATES:
            self._n_proxies -= trial.was_spared
        if state is State.STOPPED:
            self._stopped.setdefault(trial.fingerprint, trial.number)
        elif role in _CANDIDATES and trial.failed_by_itself:
            _keep_first(self._failed, trial)
        elif state is State.COMPLETE and role is not Role.FINALIST:
            _keep_first(self._trained, trial)
            if role is Role.SEARCH:
                self._found.add(trial)

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[Trial]:
        return iter(self._trials.values())

    def __getitem__(self, number: int) -> Trial:
        return self._trials[number]

    def running(self) -> list[Trial]:
        """Trials without an outcome, by number."""
        return list(self._running.values())

    def settled(self) -> list[Trial]:
        """Trials with an outcome, oldest first."""
        return list(self._settled)

    def latest_settled(self, count: int) -> list[Trial]:
        """The last trials that settled, newest last; fewer where there are not as many."""
        return self._settled[-count:] if count > 0 else []

    def population(self) -> list[Trial]:
        """Searched genomes with a score, oldest first: what evolution selects from."""
        return list(self._population)

    def distinct_population(self) -> list[Trial]:
        """The population without longer forms of one loss, by number.

        Of trials with one fingerprint the one with the fewest nodes stays, the first of these that settled among equals;
        trials without a fingerprint stay.
        """
        return self._at(self._distinct.numbers())

    def of_role(self, *roles: Role) -> list[Trial]:
        """Trials of these roles, by number."""
        if roles not in self._by_roles:
            self._by_roles[roles] = {trial.number: trial for trial in self if trial.role in roles}
        return list(self._by_roles[roles].values())

    def n_proxies(self) -> int:
        """Candidates that were or are being trained; those that are the same loss as another cost nothing."""
        return self._n_proxies

    def baseline_scores(self) -> list[float]:
        """Scores of the hand-made losses, one a seed."""
        return [trial.score for trial in self.of_role(Role.BASELINE) if trial.score is not None]

    def scores_of(self, number: int) -> list[float]:
        """Scores of a trial and of its repeats with other seeds."""
        numbers = sorted({number, *self._repeats.get(number, ())})
        trials = self._at(number for number in numbers if number in self._trials)
        return [trial.score for trial in trials if trial.score is not None]

    def same_loss(self, fingerprint: str) -> Trial | None:
        """The trial of the search or the baseline that was trained with this fingerprint, if any."""
        number = self._trained.get(fingerprint)
        return None if number is None else self._trials[number]

    def failed_loss(self, fingerprint: str) -> Trial | None:
        """The first candidate with this fingerprint whose losses made it fail, if any."""
        number = self._failed.get(fingerprint)
        return None if number is None else self._trials[number]

    def stopped_loss(self, fingerprint: str) -> Trial | None:
        """The first trial with this fingerprint that was stopped at the rung, if any."""
        number = self._stopped.get(fingerprint) if fingerprint else None
        return None if number is None else self._trials[number]

    def rung_scores(self) -> Sequence[float]:
        """Scores at the rung of all candidates that were trained that far, lowest first."""
        return self._rungs

    def best_found(self, count: int) -> list[Trial]:
        """The best candidates that were found and trained, by their first score; older ones first among equals."""
        return self._at(self._found.numbers(count))

    def ranking(self, count: int) -> list[Trial]:
        """The same by the mean over all their seeds, best first, so that one lucky training does not win."""
        return self._by_mean(self.best_found(count))

    def winner(self) -> Trial | None:
        """The best candidate: by the mean over its seeds among those that were repeated, else by its one score."""
        repeats = (trial.repeats for trial in self.of_role(Role.FINALIST))
        repeated = {number for number in repeats if number is not None} & self._trials.keys()
        trained = [t for t in self._at(repeated) if t.role is Role.SEARCH and t.state is State.COMPLETE]
        return next(iter(self._by_mean(trained) or self.ranking(1)), None)

    def funnel(self) -> Counter[str]:
        """Drawn expressions by verdict, over all trials."""
        return Counter(self._funnel)

    def _at(self, numbers: Iterable[int]) -> list[Trial]:
        return [self._trials[number] for number in numbers]

    def _by_mean(self, trials: list[Trial]) -> list[Trial]:
        return sorted(trials, key=lambda trial: (-mean(self.scores_of(trial.number)), trial.number))


def _keep_first(numbers: dict[str, int], trial: Trial) -> None:
    """Notes a trial by its fingerprint, if it has one and none with a lower number stands there."""
    if trial.fingerprint:
        numbers[trial.fingerprint] = min(trial.number, numbers.get(trial.fingerprint, trial.number))
