"""Whether an expression can overflow in float32; then its product with 0 may be NaN."""

from __future__ import annotations

import math
from functools import lru_cache

from mmautoloss.expr.bounds import Bounds, gradients_of, values_of
from mmautoloss.expr.elapsed import ELAPSED, SHARE
from mmautoloss.expr.program import compile_tree
from mmautoloss.expr.tree import Tree

ANY, OF_DATA = Bounds(-1e6, 1e6), Bounds(-50.0, 50.0)
"""Assumed ranges of inputs: predictions may take any value during training, targets only those of the data."""


@lru_cache(maxsize=4096)
def cannot_overflow(tree: Tree, inputs: Bounds | None = ANY) -> bool:
    """Whether bounds prove that neither the value nor the gradient of an expression overflows in float32.

    Args:
        tree: The expression.
        inputs: Range of all inputs but the elapsed share; None if they are probabilities, their logarithms and targets.

    Example:
        >>> from mmautoloss.expr.parsing import parse
        >>> cannot_overflow(parse('log(p) * y')), cannot_overflow(parse('exp(p)'))
        (True, False)
    """
    steps = compile_tree(tree).steps
    values = values_of(steps) if inputs is None else values_of(steps, {ELAPSED: SHARE}, inputs)
    return values[-1].finite and all(map(math.isfinite, gradients_of(steps, values)))
