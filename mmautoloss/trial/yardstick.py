"""The yardstick of a search of several tasks: in which units their values are compared, and how they become one score."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

AGGREGATES: Mapping[str, Callable[[Iterable[float]], float]] = {'gain': fmean, 'least': min}
"""How the gains of a candidate in its tasks become its score."""

LABELS: Mapping[str, str] = {'gain': 'gain', 'least': 'least gain'}
"""Names of the scores, in place of a metric."""

_LEAST_NOISE = 1e-3
"""Least noise, as a share of the mean: a few scores may agree by chance, and then one task would outweigh the rest."""


@dataclass(frozen=True)
class Unit:
    """Values of the hand-made losses in one task.

    Attributes:
        mean: Their mean; higher is better.
        noise: Their standard deviation, which is one unit of gain.

    Raises:
        ValueError: They are no such numbers.
    """

    mean: float
    noise: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mean) and math.isfinite(self.noise) and self.noise > 0):
            raise ValueError(f'A unit needs a finite mean and a noise above 0, but got {self.mean} and {self.noise}.')

    def gain(self, value: float) -> float:
        """How many units a value is above the mean."""
        return (value - self.mean) / self.noise


def unit_of(values: Sequence[float]) -> Unit:
    """The unit by trainings of the hand-made losses, of which there are two or more.

    The noise is at least a thousandth of the mean, and of 1 where that is 0.

    Example:
        >>> round(unit_of([0.6, 0.7, 0.8]).noise, 3)
        0.1
        >>> unit_of([0.5, 0.5]).noise
        0.0005
    """
    mean = fmean(values)
    return Unit(mean, max(stdev(values), _LEAST_NOISE * (abs(mean) or 1.0)))


@dataclass(frozen=True)
class Yardstick:
    """Units by task, fixed before the first candidate, so that all have scores of one scale.

    Attributes:
        aggregate: One of ``AGGREGATES``.
        units: The unit of each task.

    Raises:
        ValueError: There is no such aggregate, or no task.
    """

    aggregate: str
    units: Mapping[str, Unit]

    def __post_init__(self) -> None:
        if self.aggregate not in AGGREGATES or not self.units:
            raise ValueError(f'A yardstick needs {" or ".join(AGGREGATES)} of some tasks, but got {self}.')

    @property
    def label(self) -> str:
        """The name of the score."""
        return LABELS[self.aggregate]

    def gains(self, values: Mapping[str, float]) -> dict[str, float]:
        """The gains by task."""
        return {task: unit.gain(values[task]) for task, unit in self.units.items()}

    def score(self, values: Mapping[str, float]) -> float:
        """The score of a candidate with these values, by task; higher is better.

        Example:
            >>> Yardstick('least', {'a': Unit(0.5, 0.25), 'b': Unit(1.0, 0.5)}).score({'a': 1.0, 'b': 1.25})
            0.5
        """
        return AGGREGATES[self.aggregate](self.gains(values).values())

    def to_json(self) -> dict[str, Any]:
        """The attributes in types of JSON."""
        return {
            'aggregate': self.aggregate,
            'units': {task: [unit.mean, unit.noise] for task, unit in self.units.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Yardstick | None:
        """What ``to_json`` wrote; None for None."""
        if data is None:
            return None
        return cls(data['aggregate'], {task: Unit(*unit) for task, unit in data['units'].items()})
