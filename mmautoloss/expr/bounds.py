"""Interval bounds on the values and gradients of an expression of probabilities.

In a channel other than that of the label, ``y`` is 0, and so are a product with it and the gradient of the other factor,
provided that this factor, its slopes and the incoming gradient are finite: 0 * Inf is NaN, and must show. These bounds prove
that they are finite.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mmautoloss.expr.elapsed import ELAPSED, SHARE
from mmautoloss.expr.logarithms import LEAST, LOG_NOT_P, LOG_P
from mmautoloss.expr.operators import OPERATORS
from mmautoloss.expr.operators.ranges import UNBOUNDED, Bounds
from mmautoloss.expr.program import Step
from mmautoloss.expr.tree import is_number

_SEED = 1e3
"""Largest gradient at the root: a weight divided by the number of samples."""

_STEEPEST = 1e28
"""Largest gradient: a mean sums up to 1e8 of them before the division by their number."""


LEAVES = {
    'p': Bounds(0.0, 1.0),
    'y': Bounds(0.0, 1.0),
    LOG_P: Bounds(LEAST, 0.0),
    LOG_NOT_P: Bounds(LEAST, 0.0),
    ELAPSED: SHARE,
}
"""Bounds of probabilities, their logarithms, targets, and the elapsed share of the training."""


def bounds_of(operator: str, *operands: Bounds) -> Bounds:
    """The bounds of an operator's result, given those of its operands.

    Example:
        >>> p = LEAVES['p']
        >>> bounds_of('exp', p).finite, bounds_of('inv', bounds_of('neg', p)).finite
        (True, False)
    """
    if not all(operand.finite for operand in operands) or operator not in OPERATORS:
        return UNBOUNDED
    try:
        return OPERATORS[operator].bounds(*operands)
    except OverflowError:
        return UNBOUNDED


def slopes_of(operator: str, *operands: Bounds) -> tuple[float, ...]:
    """Largest absolute derivative of an operator's result with respect to each operand.

    Example:
        >>> slopes_of('mul', Bounds(-2, 1), Bounds(0, 3))
        (3, 2)
    """
    if not all(operand.finite for operand in operands) or operator not in OPERATORS:
        return (math.inf,) * len(operands)
    try:
        return OPERATORS[operator].slopes(*operands)
    except OverflowError:
        return (math.inf,) * len(operands)


def values_of(steps: Sequence[Step], leaves: Mapping[str, Bounds] = LEAVES, other: Bounds = UNBOUNDED) -> list[Bounds]:
    """The bounds of each step of a program.

    Args:
        steps: The program.
        leaves: Bounds of inputs; those of probabilities by default.
        other: Bounds of all other inputs.
    """
    values: list[Bounds] = []
    for node, operands in steps:
        if operands:
            values.append(bounds_of(node, *(values[operand] for operand in operands)))
        else:
            values.append(Bounds(float(node), float(node)) if is_number(node) else leaves.get(node, other))
    return values


def gradients_of(steps: Sequence[Step], values: Sequence[Bounds]) -> list[float]:
    """Largest absolute gradient of a loss with respect to each step; Inf if it may exceed the range of float32."""
    gradients = [0.0] * (len(steps) - 1) + [_SEED]
    for index in reversed(range(len(steps))):
        if not gradients[index] < _STEEPEST:
            gradients[index] = math.inf
        node, operands = steps[index]
        slopes = slopes_of(node, *(values[operand] for operand in operands)) if operands else ()
        for operand, slope in zip(operands, slopes, strict=True):
            gradients[operand] += gradients[index] * slope if gradients[index] and slope else 0.0
    return gradients
