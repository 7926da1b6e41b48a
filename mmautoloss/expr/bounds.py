"""How large an expression of probabilities can become, and how steep each of its operators.

Where a label says that a channel is not meant, ``y`` is 0, and so are a product with it and the gradient of the other
factor, provided that this factor, the slopes within it and the gradient that arrives are finite: 0 * Inf is NaN, and must
show. These bounds prove that they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mmautoloss.expr.logarithms import LEAST, LOG_NOT_P, LOG_P
from mmautoloss.expr.primitives import EPS
from mmautoloss.expr.program import Step
from mmautoloss.expr.tree import is_number

_LARGEST = 1e36
"""Below the largest float32, 3.4e38, by more than rounding and sums over the channels can add."""

_SEED = 1e3
"""Largest gradient with which the root is met: a weight over the number of samples."""

_STEEPEST = 1e28
"""Of gradients: of a mean they are summed over up to 1e8 elements, before the sum is divided by their number."""


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
LEAVES = {'p': Bounds(0.0, 1.0), 'y': Bounds(0.0, 1.0), LOG_P: Bounds(LEAST, 0.0), LOG_NOT_P: Bounds(LEAST, 0.0)}
"""Of probabilities, their logarithms, and targets."""


def _mul(x: Bounds, z: Bounds) -> Bounds:
    ends = [a * b for a in x for b in z]
    return Bounds(min(ends), max(ends))


def _inv(x: Bounds) -> Bounds:
    return UNBOUNDED if x.low < 0 else Bounds(1 / (x.high + EPS), 1 / (x.low + EPS))  # the pole is at -EPS


def _log(x: Bounds) -> Bounds:
    size = max(abs(math.log(EPS)), math.log(x.size + EPS))  # smaller where x is away from 0, but that is no matter
    return Bounds(-size, size)


def _sqrt(x: Bounds) -> Bounds:
    size = math.sqrt(x.size + EPS)
    return Bounds(-size, size)


def _absolute(x: Bounds) -> Bounds:
    return Bounds(0.0 if x.low < 0 < x.high else min(abs(x.low), abs(x.high)), x.size)


def _within(size: float) -> Callable[[Bounds], Bounds]:
    return lambda x: Bounds(-size, size)


_VALUES: dict[str, Callable[..., Bounds]] = {
    'add': lambda x, z: Bounds(x.low + z.low, x.high + z.high),
    'mul': _mul,
    'neg': lambda x: Bounds(-x.high, -x.low),
    'abs': _absolute,
    'inv': _inv,
    'log': _log,
    'exp': lambda x: Bounds(math.exp(x.low), math.exp(x.high)),
    'tanh': _within(1.0),
    'square': lambda x: _mul(_absolute(x), _absolute(x)),
    'sqrt': _sqrt,
    'mean_nhw': lambda x: x,
    'mean_c': lambda x: x,
    'maxpool': lambda x: x,
    'minpool': lambda x: x,
    'sin': _within(1.0),
    'erf': _within(1.0),
    'atan': _within(math.pi / 2),
}


def _one(x: Bounds) -> tuple[float, ...]:
    return (1.0,)


_SLOPES: dict[str, Callable[..., tuple[float, ...]]] = {
    'add': lambda x, z: (1.0, 1.0),
    'mul': lambda x, z: (z.size, x.size),
    'neg': _one,
    'abs': _one,
    'inv': lambda x: (_inv(x).size ** 2,),
    'log': lambda x: (1 / EPS,),
    'exp': lambda x: (math.exp(x.high),),
    'tanh': _one,
    'square': lambda x: (2 * x.size,),
    'sqrt': lambda x: (1 / (2 * math.sqrt(EPS)),),
    'mean_nhw': _one,
    'mean_c': _one,
    'maxpool': lambda x: (9.0,),  # an element may be the largest of all windows that it is in
    'minpool': lambda x: (9.0,),
    'sin': _one,
    'erf': lambda x: (2 / math.sqrt(math.pi),),
    'atan': _one,
}


def bounds_of(operator: str, *operands: Bounds) -> Bounds:
    """The bounds of an operator's result, from those of its operands.

    Example:
        >>> p = LEAVES['p']
        >>> bounds_of('exp', p).finite, bounds_of('inv', bounds_of('neg', p)).finite
        (True, False)
    """
    if not all(operand.finite for operand in operands) or operator not in _VALUES:
        return UNBOUNDED
    try:
        return _VALUES[operator](*operands)
    except OverflowError:
        return UNBOUNDED


def slopes_of(operator: str, *operands: Bounds) -> tuple[float, ...]:
    """Largest absolute derivative of an operator's result with respect to each operand.

    Example:
        >>> slopes_of('mul', Bounds(-2, 1), Bounds(0, 3))
        (3, 2)
    """
    if not all(operand.finite for operand in operands) or operator not in _SLOPES:
        return (math.inf,) * len(operands)
    try:
        return _SLOPES[operator](*operands)
    except OverflowError:
        return (math.inf,) * len(operands)


def values_of(steps: Sequence[Step], leaves: Mapping[str, Bounds] = LEAVES, other: Bounds = UNBOUNDED) -> list[Bounds]:
    """The bounds of each step of a program.

    Args:
        steps: The program.
        leaves: Bounds of inputs; those of probabilities by default.
        other: Bounds of all other inputs.
    """
    found: list[Bounds] = []
    for node, operands in steps:
        if operands:
            found.append(bounds_of(node, *(found[operand] for operand in operands)))
        else:
            found.append(Bounds(float(node), float(node)) if is_number(node) else leaves.get(node, other))
    return found


def gradients_of(steps: Sequence[Step], values: Sequence[Bounds]) -> list[float]:
    """Largest absolute gradient of a loss with respect to each step; Inf where it may leave the range of float32."""
    found = [0.0] * (len(steps) - 1) + [_SEED]
    for index in reversed(range(len(steps))):
        if not found[index] < _STEEPEST:
            found[index] = math.inf
        node, operands = steps[index]
        slopes = slopes_of(node, *(values[operand] for operand in operands)) if operands else ()
        for operand, slope in zip(operands, slopes, strict=True):
            found[operand] += found[index] * slope if found[index] and slope else 0.0
    return found
