"""Indices of trials, updated one trial at a time."""

from __future__ import annotations

from bisect import bisect_left, insort

from mmautoloss.trial.trial import Trial

_MAX_INSERTIONS = 32


class Ranked:
    """Numbers of trials by their score, best first; the oldest first among equals."""

    def __init__(self) -> None:
        self._best: list[tuple[float, int]] = []
        self._pending: list[tuple[float, int]] = []
        self._scores: dict[int, float] = {}

    def rank(self, number: int, score: float) -> None:
        """Adds a trial, or gives it another score."""
        if number in self._scores:
            key = (-self._scores[number], number)
            (self._pending if key in self._pending else self._best).remove(key)
        self._scores[number] = score
        self._pending.append((-score, number))

    def numbers(self, count: int) -> list[int]:
        """The numbers of the best trials."""
        if len(self._pending) > _MAX_INSERTIONS:  # a whole journal was read
            self._best = sorted(self._best + self._pending)
        else:
            for key in self._pending:
                insort(self._best, key)
        self._pending = []
        return [number for _, number in self._best[:count]]


class Shortest:
    """Numbers of the trials with the fewest nodes, one per fingerprint; among equals the one that settled first."""

    def __init__(self) -> None:
        self._shortest: dict[str, Trial] = {}
        self._numbers: list[int] = []
        self._pending: list[Trial] = []

    def add(self, trial: Trial) -> None:
        """Adds a trial; its expressions are parsed when ``numbers`` is called, since that takes time."""
        self._pending.append(trial)

    def numbers(self) -> list[int]:
        """All numbers, in ascending order."""
        for trial in self._pending:
            key = trial.fingerprint or str(trial.number)
            shortest = self._shortest.get(key)
            if shortest is not None and _size(trial) >= _size(shortest):
                continue
            if shortest is not None:
                del self._numbers[bisect_left(self._numbers, shortest.number)]
            self._shortest[key] = trial
            insort(self._numbers, trial.number)
        self._pending = []
        return self._numbers


def _size(trial: Trial) -> int:
    return sum(tree.size for tree in trial.required_genome.values())
