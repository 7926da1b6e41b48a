"""Whether an expression can leave the range of float32, so that not even a factor of 0 would make it 0."""

from __future__ import annotations

import math
from functools import lru_cache

from mmautoloss.expr.bounds import Bounds, gradients_of, values_of
from mmautoloss.expr.program import compile_tree
from mmautoloss.expr.tree import Tree

ANY, OF_DATA = Bounds(-1e6, 1e6), Bounds(-50.0, 50.0)
"""How large inputs are taken to be: a prediction may be anywhere on its way, targets are what the data have."""


@lru_cache(maxsize=4096)
def cannot_overflow(tree: Tree, inputs: Bounds | None = ANY) -> bool:
    """Whether it is proved that neither the value nor the slope of an expression can overflow in float32.

    Args:
        tree: The expression.
        inputs: Where all inputs lie; None where they are probabilities, their logarithms and targets.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> cannot_overflow(parse('log(p) * y')), cannot_overflow(parse('exp(p)'))
        (True, False)
    """
    steps = compile_tree(tree).steps
    values = values_of(steps) if inputs is None else values_of(steps, {}, inputs)
    return values[-1].finite and all(map(math.isfinite, gradients_of(steps, values)))
