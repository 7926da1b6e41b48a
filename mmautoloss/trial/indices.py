"""Orders of trials that are kept up to date, one trial at a time."""

from __future__ import annotations

from bisect import bisect_left, insort

from mmautoloss.trial.trial import Trial

_FEW = 32


class Ranked:
    """Numbers of trials by their first score, best first; older ones first among equals."""

    def __init__(self) -> None:
        self._best: list[tuple[float, int]] = []
        self._waiting: list[tuple[float, int]] = []

    def add(self, trial: Trial) -> None:
        """Takes in a trial with a score."""
        self._waiting.append((-trial.required_score, trial.number))

    def numbers(self, count: int) -> list[int]:
        """The first of them."""
        if len(self._waiting) > _FEW:  # a whole journal was read
            self._best = sorted(self._best + self._waiting)
        else:
            for key in self._waiting:
                insort(self._best, key)
        self._waiting = []
        return [number for _, number in self._best[:count]]


class Shortest:
    """Numbers of trials, of those with one fingerprint only the shortest; the one that settled first among equals."""

    def __init__(self) -> None:
        self._chosen: dict[str, Trial] = {}
        self._numbers: list[int] = []
        self._waiting: list[Trial] = []

    def add(self, trial: Trial) -> None:
        """Takes in a trial; it is looked at when it is asked for, since to read expressions takes time."""
        self._waiting.append(trial)

    def numbers(self) -> list[int]:
        """Them all, in ascending order."""
        for trial in self._waiting:
            key = trial.fingerprint or str(trial.number)
            chosen = self._chosen.get(key)
            if chosen is not None and _size(trial) >= _size(chosen):
                continue
            if chosen is not None:
                del self._numbers[bisect_left(self._numbers, chosen.number)]
            self._chosen[key] = trial
            insort(self._numbers, trial.number)
        self._waiting = []
        return self._numbers


def _size(trial: Trial) -> int:
    return sum(tree.size for tree in trial.required_genome.values())
