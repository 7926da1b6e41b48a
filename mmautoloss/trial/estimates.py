"""What the scores of candidates with several seeds are worth together."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean

from mmautoloss.trial.indices import Ranked
from mmautoloss.trial.seed_levels import SeedLevels
from mmautoloss.trial.trial import Role, State, Trial


class Estimates:
    """The candidates by all their scores of the search, each against the hand-made losses with the same seed.

    A seed may be easy for all losses. So scores of different seeds are compared by their differences to the hand-made losses
    (pairing, or common random numbers): the estimate of a candidate is the score of the hand-made losses with its first
    seed plus the mean of these differences. A seed without hand-made losses counts against the mean of them. A single score
    is its own estimate. All candidates begin with the same seed, so all estimates have one scale.

    Trials are taken notice of one by one, when they begin and when they have settled.
    """

    def __init__(self) -> None:
        self._first: dict[int, Trial] = {}
        self._again: dict[int, dict[int, Trial]] = {}
        self._baseline: dict[int, Trial] = {}
        self._hand_made: dict[int, float] = {}
        self._ranked = {Role.KNOWN: Ranked(), Role.SEARCH: Ranked()}
        self._levels = SeedLevels()
        self._changed: set[int] = set()

    def note(self, trial: Trial) -> None:
        """Takes notice of a trial that has begun or settled."""
        if trial.measures_again and trial.repeats is not None:
            self._again.setdefault(trial.repeats, {})[trial.number] = trial
            self._rank([trial.repeats])
        elif trial.role in self._ranked and trial.state is State.COMPLETE:
            self._first[trial.number] = trial
            self._rank([trial.number])
        elif trial.role is Role.BASELINE and trial.score is not None:
            self._baseline[trial.number] = trial
            self._hand_made = {run.seed: run.required_score for _, run in sorted(self._baseline.items())}
            self._rank(self._again)

    def of(self, trial: Trial) -> float:
        """The estimate of a candidate with a score; of one that is the same loss as another, the estimate of that one."""
        number = trial.number if trial.twin is None else trial.twin
        return self.over(self.runs(number)) if number in self._first else trial.required_score

    def over(self, runs: Iterable[Trial]) -> float:
        """The estimate of losses by some of their trainings, of which at least the first has a score."""
        scored = [(run.seed, run.score) for run in runs if run.score is not None]
        scores = [score for _, score in scored]
        if len(scores) == 1:
            return scores[0]
        usual = fmean(self._hand_made.values()) if self._hand_made else 0.0
        hand_made = [self._hand_made.get(seed, usual) for seed, _ in scored]
        # in this order, equal means with equal seeds have equal estimates
        return hand_made[0] + (fmean(scores) - fmean(hand_made))

    def runs(self, number: int) -> list[Trial]:
        """The trainings of a trained candidate in the search, by number."""
        again = self._again.get(number)
        return [self._first[number], *(again[each] for each in sorted(again))] if again else [self._first[number]]

    def best(self, role: Role, count: int) -> list[int]:
        """Numbers of the best trained candidates, found or known; who failed with a seed is behind all others."""
        return self._ranked[role].numbers(count)

    def due(self, seeds: int) -> int | None:
        """The candidate that is measured next with a further one of so many seeds, by ``SeedLevels``; None for none."""
        for number in self._changed:
            runs = self.runs(number)
            settled = next((place for place, run in enumerate(runs) if run.outcome is None), len(runs))
            scores = [self._standing(runs[:level]) for level in range(1, settled + 1)]
            self._levels.put(number, scores, settled == len(runs) and not _has_failed(runs))
        self._changed.clear()
        return self._levels.due(seeds)

    def _rank(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number in self._first:
                self._changed.add(number)
                self._ranked[self._first[number].role].rank(number, self._standing(self.runs(number)))

    def _standing(self, runs: list[Trial]) -> float:
        return -math.inf if _has_failed(runs) else self.over(runs)


def _has_failed(runs: Iterable[Trial]) -> bool:
    return any(run.state is State.FAILED for run in runs)
