"""How large an expression of probabilities can become, and how steep each of its operators.

Where a label says that a channel is not meant, ``y`` is 0, and so are a product with it and the gradient of the other
factor, provided that this factor, the slopes within it and the gradient that arrives are finite: 0 * Inf is NaN, and must
show. These bounds prove that they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mmautoloss.expr.logarithms import LEAST, LOG_NOT_P, LOG_P
from mmautoloss.expr.operators import OPERATORS
from mmautoloss.expr.operators.ranges import UNBOUNDED, Bounds
from mmautoloss.expr.program import Step
from mmautoloss.expr.tree import is_number

_SEED = 1e3
"""Largest gradient with which the root is met: a weight over the number of samples."""

_STEEPEST = 1e28
"""Of gradients: of a mean they are summed over up to 1e8 elements, before the sum is divided by their number."""


LEAVES = {'p': Bounds(0.0, 1.0), 'y': Bounds(0.0, 1.0), LOG_P: Bounds(LEAST, 0.0), LOG_NOT_P: Bounds(LEAST, 0.0)}
"""Of probabilities, their logarithms, and targets."""


def bounds_of(operator: str, *operands: Bounds) -> Bounds:
    """The bounds of an operator's result, from those of its operands.

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
