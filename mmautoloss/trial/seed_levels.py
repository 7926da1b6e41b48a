"""Candidates by the number of seeds that they have been measured with."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

_Key = tuple[float, int]
"""Minus the score, and the number: the best first, the oldest first among equals."""


class SeedLevels:
    """Chooses who is measured with the next seed, by asynchronous successive halving with a reduction factor of 2.

    On level k are all candidates that were measured with k seeds, ranked by these. The best of the better half that has not
    gone on is due, on the highest level first (Li et al., "A system for massively parallel hyperparameter tuning", MLSys
    2020, algorithm 2, with seeds as the resource).

    Example:
        >>> levels = SeedLevels()
        >>> for number, score in enumerate([0.1, 0.3, 0.2, 0.0]):
        ...     levels.put(number, [score], waits=True)
        >>> levels.due(seeds=3)
        1
        >>> levels.put(1, [0.3], waits=False)  # its training with the next seed has begun
        >>> levels.due(seeds=3)
        2
    """

    def __init__(self) -> None:
        self._levels: list[_Level] = []

    def put(self, number: int, scores: Sequence[float], waits: bool) -> None:
        """Adds a candidate, or what is new of it.

        Args:
            number: Its number.
            scores: What ranks it on each level that it has reached, the lowest level first.
            waits: Whether it may go on from the last of these.
        """
        while len(self._levels) < len(scores):
            self._levels.append(_Level())
        for level, score in enumerate(scores, start=1):
            self._levels[level - 1].put(number, score, waits and level == len(scores))

    def due(self, seeds: int) -> int | None:
        """The number of the candidate that is measured next with a further one of so many seeds; None for none."""
        due = (level.due() for level in reversed(self._levels[: seeds - 1]))
        return next((number for number in due if number is not None), None)


class _Level:
    """The candidates of a level, and those that wait there."""

    def __init__(self) -> None:
        self._keys: dict[int, _Key] = {}
        self._ranked: list[_Key] = []
        self._waiting: list[_Key] = []

    def put(self, number: int, score: float, waits: bool) -> None:
        if number in self._keys:
            _discard(self._ranked, self._keys[number])
            _discard(self._waiting, self._keys[number])
        key = self._keys[number] = (-score, number)
        insort(self._ranked, key)
        if waits:
            insort(self._waiting, key)

    def due(self) -> int | None:
        if self._waiting and bisect_left(self._ranked, self._waiting[0]) < len(self._ranked) // 2:
            return self._waiting[0][1]
        return None


def _discard(keys: list[_Key], key: _Key) -> None:
    place = bisect_left(keys, key)
    if keys[place : place + 1] == [key]:
        del keys[place]
