"""All trials of a search, as its journal records them."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean

from mmautoloss.trial.estimates import Estimates
from mmautoloss.trial.indices import Shortest
from mmautoloss.trial.trial import CANDIDATE_ROLES, Outcome, Role, State, Trial
from mmautoloss.trial.yardstick import Yardstick

_RANKED = (Role.KNOWN, Role.SEARCH)
"""Roles of candidates that compete, unlike the legs of a relay."""
_COMPARED = (Role.BASELINE, *_RANKED, Role.FINALIST)
"""Roles of trials whose scores are those of one length and beginning."""


class History:
    """The trials by number and the order in which they settled.

    The time of a query depends only on the length of its result, since a search makes several per trial: ``add`` and
    ``settle`` keep the indices up to date.

    Attributes:
        estimates: What candidates are worth by their scores with several seeds.
        yardstick: What makes one score of values in several tasks; None until it is fixed, and in a search of one task. The
            hand-made losses by which it is fixed have their scores from then on.

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
        self._longer: dict[tuple[int, float], list[int]] = {}
        self._trained: dict[str, int] = {}
        self._stopped: dict[str, int] = {}
        self._failed: dict[str, int] = {}
        self._trunks: dict[tuple[int, float], int] = {}
        self._rung_scores: list[float] = []
        self.estimates = Estimates()
        self.yardstick: Yardstick | None = None
        self._distinct = Shortest()
        self._n_proxies = 0
        self._n_again = 0
        self._funnel: Counter[str] = Counter()

    def add(self, trial: Trial) -> None:
        """Adds a proposed trial.

        Raises:
            ValueError: Its number is not the next one.
        """
        number = trial.number
        if number != len(self._trials):
            raise ValueError(f'Trial {len(self._trials)} is next, but got {number}.')
        if trial.yardstick is not None and self.yardstick is None:
            self._measure_hand_made(trial.yardstick)
        self._store(trial)
        if trial.repeats is not None and trial.role in _COMPARED:
            self._repeats.setdefault(trial.repeats, []).append(number)
        if trial.role is Role.TRUNK:
            self._trunks[trial.seed, trial.times] = number
        if trial.repeats is not None and trial.role is Role.LONGER:
            self._longer.setdefault((trial.repeats, trial.times), []).append(number)
        if trial.role in CANDIDATE_ROLES:
            self._n_proxies += 1
            self._n_again += trial.measures_again
        for verdict, count in trial.funnel.items():
            self._funnel[verdict] += count
        if trial.outcome is None:
            self._running[number] = trial
            self.estimates.note(trial)
        else:
            self._index(trial)

    def settle(self, number: int, outcome: Outcome) -> None:
        """Adds the outcome of a trial.

        Raises:
            ValueError: The trial is not running.
        """
        trial = self._running.pop(number, None)
        if trial is None:
            raise ValueError(f'Trial {number} is not running.')
        trial = trial.settle(outcome)
        self._store(trial)
        self._settled.append(trial)
        if trial.role in _RANKED and outcome.score is not None and not trial.measures_again:
            self._population.append(trial)
            self._distinct.add(trial)
        self._index(trial)

    def _measure_hand_made(self, yardstick: Yardstick) -> None:
        """Fixes the yardstick, and gives the hand-made losses, by which it is fixed, their scores."""
        self.yardstick = yardstick
        settled = (trial for trial in self._settled if trial.role is Role.BASELINE and trial.score is not None)
        measured = {trial.number: trial.settle(trial.required_outcome.measured(yardstick)) for trial in settled}
        self._settled = [measured.get(trial.number, trial) for trial in self._settled]
        for trial in measured.values():
            self._store(trial)
            self.estimates.note(trial)

    def _store(self, trial: Trial) -> None:
        self._trials[trial.number] = trial
        for roles, trials in self._by_roles.items():
            if trial.role in roles:
                trials[trial.number] = trial

    def _index(self, trial: Trial) -> None:
        state, role, rung = trial.state, trial.role, trial.required_outcome.rung
        self.estimates.note(trial)
        if role in _RANKED:
            self._n_proxies -= trial.was_spared
        if trial.measures_again:
            return
        if role in _RANKED and rung is not None and not trial.was_spared:
            insort(self._rung_scores, rung)
        if state is State.STOPPED:
            self._stopped.setdefault(trial.fingerprint, trial.number)
        elif role in _RANKED and trial.failed_by_itself:
            _keep_first(self._failed, trial)
        elif state is State.COMPLETE and role in (Role.BASELINE, *_RANKED):
            _keep_first(self._trained, trial)

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
        """The last ``count`` trials that settled, or all if there are fewer; newest last."""
        return self._settled[-count:] if count > 0 else []

    def population(self) -> list[Trial]:
        """Candidates with a score, from which evolution selects, oldest first; without those that measure another again."""
        return list(self._population)

    def distinct_population(self) -> list[Trial]:
        """The population with only the shortest form of each loss, by number.

        Of the trials with the same fingerprint, that with the fewest nodes stays, among equals the first that settled;
        trials without a fingerprint stay.
        """
        return self._select(self._distinct.numbers())

    def of_role(self, *roles: Role) -> list[Trial]:
        """Trials of these roles, by number."""
        if roles not in self._by_roles:
            self._by_roles[roles] = {trial.number: trial for trial in self if trial.role in roles}
        return list(self._by_roles[roles].values())

    def n_proxies(self) -> int:
        """Number of candidates that were or are being trained; one with the same loss as another is not trained."""
        return self._n_proxies

    def n_candidates(self) -> int:
        """Number of candidates, trained or not; that the search measures one again makes no new one."""
        return len(self.of_role(*_RANKED)) - self._n_again

    def baseline_scores(self) -> list[float]:
        """Scores of the hand-made losses, one per seed."""
        return [trial.score for trial in self.of_role(Role.BASELINE) if trial.score is not None]

    def scores_of(self, number: int) -> list[float]:
        """Scores of a trial and of its repeats with other seeds."""
        numbers = sorted({number, *self._repeats.get(number, ())})
        trials = self._select(number for number in numbers if number in self._trials)
        return [trial.score for trial in trials if trial.score is not None]

    def trunk(self, seed: int, times: float = 1) -> Trial | None:
        """The last trunk of a seed and length, if any; it may be running or have failed."""
        number = self._trunks.get((seed, times))
        return None if number is None else self._trials[number]

    def repeats_of(self, number: int) -> list[Trial]:
        """The trials that train this one again with other seeds, by number."""
        return self._select(self._repeats.get(number, ()))

    def longer(self, number: int, times: float) -> list[Trial]:
        """Trainings of the losses of a trial in the funnel over lengths, by number.

        Args:
            number: Number of the trial.
            times: Their length as a multiple of that of a candidate.
        """
        return self._select(self._longer.get((number, times), ()))

    def same_loss(self, fingerprint: str) -> Trial | None:
        """The trial of the search or the baseline that was trained with this fingerprint, if any."""
        number = self._trained.get(fingerprint)
        return None if number is None else self._trials[number]

    def failed_loss(self, fingerprint: str) -> Trial | None:
        """The first candidate with this fingerprint that failed because of its losses, if any."""
        number = self._failed.get(fingerprint)
        return None if number is None else self._trials[number]

    def stopped_loss(self, fingerprint: str) -> Trial | None:
        """The first trial with this fingerprint that was stopped at the rung, if any."""
        number = self._stopped.get(fingerprint) if fingerprint else None
        return None if number is None else self._trials[number]

    def rung_scores(self) -> Sequence[float]:
        """Scores at the rung of all candidates that reached it, lowest first."""
        return self._rung_scores

    def best_found(self, count: int) -> list[Trial]:
        """The best candidates that the search found and trained, by their estimates, the oldest first among equals."""
        return self._select(self.estimates.best(Role.SEARCH, count))

    def best_known(self, count: int) -> list[Trial]:
        """The best known losses that the search trained, by their estimates, the oldest first among equals."""
        return self._select(self.estimates.best(Role.KNOWN, count))

    def estimate(self, number: int) -> float:
        """What a candidate with a score is worth by all its scores of the search; a single one is its own estimate."""
        return self.estimates.of(self._trials[number])

    def ranking(self, count: int) -> list[Trial]:
        """These candidates, best first: the confirmed one, then by number of scores as finalists, then by all scores."""
        confirmed, ranked = self.confirmed(), self._by_seeds(self.best_found(count))
        if confirmed is None or not ranked:
            return ranked
        others = [trial for trial in ranked if trial.number != confirmed.number]
        return [confirmed, *others][: len(ranked)]

    def winner(self) -> Trial | None:
        """The best candidate: the confirmed one, else the best of those that were repeated, else by its single score."""
        repeated = self._repeated(Role.FINALIST)
        trained = [trial for trial in repeated if _is_found(trial)]
        return self.confirmed() or next(iter(self._by_seeds(trained) or self.ranking(1)), None)

    def confirmed(self) -> Trial | None:
        """The candidate that was last trained with fresh seeds, if any."""
        searched = [trial for trial in self._repeated(Role.CONFIRM) if trial.role is Role.SEARCH]
        return searched[-1] if searched else None

    def confirmations(self, number: int, times: float | None = None) -> dict[int, Trial]:
        """The last training of a trial's losses with each fresh seed, by seed.

        Args:
            number: Number of the trial.
            times: Length of these trainings; None for that of the last one.
        """
        fresh = [trial for trial in self.of_role(Role.CONFIRM) if trial.repeats == number]
        times = fresh[-1].times if fresh and times is None else times
        return {trial.seed: trial for trial in fresh if trial.times == times}

    def funnel(self) -> Counter[str]:
        """Number of drawn expressions by verdict, over all trials."""
        return Counter(self._funnel)

    def _select(self, numbers: Iterable[int]) -> list[Trial]:
        return [self._trials[number] for number in numbers]

    def _repeated(self, role: Role) -> list[Trial]:
        """The trials that those of a role train again, in the order in which that last began."""
        numbers = {trial.repeats: None for trial in reversed(self.of_role(role))}
        return self._select(n for n in reversed(numbers) if n is not None and n in self._trials)

    def _by_seeds(self, trials: list[Trial]) -> list[Trial]:
        # who has more scores has outlasted the others, or has not failed; one lucky training does not win
        return sorted(trials, key=self._place)

    def _place(self, trial: Trial) -> tuple[int, float, float, int]:
        runs = [trial, *self.repeats_of(trial.number)]
        # the plain mean parts what is equal but for rounding
        means = self.estimates.over(runs), mean(self.scores_of(trial.number))
        return -self._finalist_scores(trial.number), -means[0], -means[1], trial.number

    def _finalist_scores(self, number: int) -> int:
        """Number of scores of a candidate as a finalist; the search may have measured another one more often."""
        return sum(each.role is Role.FINALIST and each.score is not None for each in self.repeats_of(number))


def _is_found(trial: Trial) -> bool:
    return trial.role is Role.SEARCH and trial.state is State.COMPLETE and not trial.measures_again


def _keep_first(numbers: dict[str, int], trial: Trial) -> None:
    """Records a trial under its fingerprint, if it has one, unless a trial with a lower number is recorded."""
    if trial.fingerprint:
        numbers[trial.fingerprint] = min(trial.number, numbers.get(trial.fingerprint, trial.number))
