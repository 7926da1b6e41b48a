"""How large an expression of probabilities can become, and how steep.

Where a label says that a channel is not meant, ``y`` is 0 and a product with it is 0, provided that the other factor and its
slope are finite; 0 * Inf is NaN, and must show. These bounds prove that they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from mmautoloss.expr.primitives import EPS

_LARGEST = 1e36
"""Below the largest float32, 3.4e38, by more than rounding and sums over the channels can add."""


class Bounds(NamedTuple):
    """Least and largest value, and largest slope, a positive number, with respect to any element of the prediction."""

    low: float
    high: float
    slope: float

    @property
    def size(self) -> float:
        """Largest absolute value."""
        return max(abs(self.low), abs(self.high))

    @property
    def finite(self) -> bool:
        """Whether neither value nor slope can leave the range of float32."""
        return self.size < _LARGEST and self.slope < _LARGEST


UNBOUNDED = Bounds(-math.inf, math.inf, math.inf)
PROBABILITY = Bounds(0.0, 1.0, 1.0)
TARGET = Bounds(0.0, 1.0, 0.0)


def _add(x: Bounds, z: Bounds) -> Bounds:
    return Bounds(x.low + z.low, x.high + z.high, x.slope + z.slope)


def _mul(x: Bounds, z: Bounds) -> Bounds:
    ends = [a * b for a in x[:2] for b in z[:2]]
    return Bounds(min(ends), max(ends), x.slope * z.size + z.slope * x.size)


def _inv(x: Bounds) -> Bounds:
    if x.low < 0:  # the pole is at -EPS
        return UNBOUNDED
    return Bounds(1 / (x.high + EPS), 1 / (x.low + EPS), x.slope / (x.low + EPS) ** 2)


def _log(x: Bounds) -> Bounds:
    size = max(abs(math.log(EPS)), math.log(x.size + EPS))  # smaller where x is away from 0, but that is no matter
    return Bounds(-size, size, x.slope / EPS)


def _sqrt(x: Bounds) -> Bounds:
    size = math.sqrt(x.size + EPS)
    return Bounds(-size, size, x.slope / (2 * math.sqrt(EPS)))


def _exp(x: Bounds) -> Bounds:
    return Bounds(math.exp(x.low), math.exp(x.high), x.slope * math.exp(x.high))


def _absolute(x: Bounds) -> Bounds:
    return Bounds(0.0 if x.low < 0 < x.high else min(abs(x.low), abs(x.high)), x.size, x.slope)


def _square(x: Bounds) -> Bounds:
    least, size, _ = _absolute(x)
    return Bounds(least**2, size**2, 2 * size * x.slope)


def _within(size: float, steepest: float) -> Callable[[Bounds], Bounds]:
    return lambda x: Bounds(-size, size, steepest * x.slope)


_ON_BOUNDS: dict[str, Callable[..., Bounds]] = {
    'add': _add,
    'mul': _mul,
    'neg': lambda x: Bounds(-x.high, -x.low, x.slope),
    'abs': _absolute,
    'inv': _inv,
    'log': _log,
    'exp': _exp,
    'tanh': _within(1.0, 1.0),
    'square': _square,
    'sqrt': _sqrt,
    'mean_nhw': lambda x: x,
    'mean_c': lambda x: x,
    'sin': _within(1.0, 1.0),
    'erf': _within(1.0, 2 / math.sqrt(math.pi)),
    'atan': _within(math.pi / 2, 1.0),
}


def bounds_of(operator: str, *operands: Bounds) -> Bounds:
    """The bounds of an operator's result, from those of its operands.

    Example:
        >>> bounds_of('exp', PROBABILITY).finite, bounds_of('inv', bounds_of('neg', PROBABILITY)).finite
        (True, False)
    """
    if not all(operand.finite for operand in operands) or operator not in _ON_BOUNDS:
        return UNBOUNDED
    try:
        return _ON_BOUNDS[operator](*operands)
    except OverflowError:
        return UNBOUNDED
