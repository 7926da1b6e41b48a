"""Intervals of values, and how operators transform them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

_LARGEST = 1e36
"""Below the largest float32, 3.4e38, by more than rounding and sums over the channels can add."""


class Bounds(NamedTuple):
    """Least and largest value."""

    low: float
    high: float

    @property
    def size(self) -> float:
        """Largest absolute value."""
        return max(abs(self.low), abs(self.high))

    @property
    def finite(self) -> bool:
        """Whether it cannot leave the range of float32."""
        return self.size < _LARGEST


UNBOUNDED = Bounds(-math.inf, math.inf)

Slopes = tuple[float, ...]
"""Largest absolute derivative with respect to each operand."""


def same(x: Bounds) -> Bounds:
    """The bounds of what lies between the least and the largest of its operand."""
    return x


def within(size: float) -> Callable[[Bounds], Bounds]:
    """The bounds of what never exceeds a size, whatever its operand."""
    return lambda x: Bounds(-size, size)


def product(x: Bounds, z: Bounds) -> Bounds:
    """The bounds of a product."""
    ends = [a * b for a in x for b in z]
    return Bounds(min(ends), max(ends))


def absolute(x: Bounds) -> Bounds:
    """The bounds of an absolute value."""
    return Bounds(0.0 if x.low < 0 < x.high else min(abs(x.low), abs(x.high)), x.size)


def one(x: Bounds) -> Slopes:
    """The slope of what changes by no more than its operand."""
    return (1.0,)
