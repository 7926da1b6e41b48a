"""What an expression is, in float64: each operator as its NumPy code says, over what counts, with numerical derivatives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from mmautoloss.expr import Tree
from mmautoloss.expr.forms import NUMPY
from mmautoloss.expr.operators import LOOKING_AROUND, OPERATORS
from tests.test_expr.test_forms.conftest import to_function

Array = np.ndarray
STEP = 1e-6


def value_of(tree: Tree, inputs: dict[str, Array], counts: Array) -> Array:
    """The value of an expression.

    Args:
        tree: The expression.
        inputs: Arrays (N, C, H, W); what does not count is finite, and of no matter.
        counts: What counts, bool of that shape.
    """
    if tree.root in inputs:
        return inputs[tree.root]
    if not tree.operands():
        return np.full(counts.shape, float(tree.root))
    operands = [value_of(operand, inputs, counts) for operand in tree.operands()]
    return _around(tree.root, *operands, counts) if tree.root in LOOKING_AROUND else numpy_code(tree.root)(*operands)


def slope_along(direction: Array, tree: Tree, inputs: dict[str, Array], weight: Array) -> float:
    """The derivative of the weighted sum of an expression as ``p`` moves; what has no weight does not count."""
    ends = []
    for step in (STEP, -STEP):
        moved = {**inputs, 'p': inputs['p'] + step * direction}
        ends.append(float((weight * value_of(tree, moved, weight != 0))[weight != 0].sum()))
    return (ends[0] - ends[1]) / (2 * STEP)


@cache
def numpy_code(name: str) -> Callable[..., Array]:
    """The NumPy code of an operator alone, as a function of its operands."""
    code = to_function(Tree((name, *'py'[: OPERATORS[name].primitive.arity])), NUMPY)
    return lambda *operands: code(*operands, *[None] * (2 - len(operands)))


def _around(name: str, x: Array, counts: Array) -> Array:
    """What an operator is at each element that counts: that over nothing but what it looks at and what counts there."""
    found = np.zeros_like(x)
    for n, c, h, w in zip(*counts.nonzero(), strict=True):
        window = (n, c, slice(max(h - 1, 0), h + 2), slice(max(w - 1, 0), w + 2))
        seen = {'mean_nhw': (slice(None), c), 'mean_c': (n, slice(None), h, w)}.get(name, window)
        row = numpy_code(name)(x[seen][counts[seen]].reshape((1, -1, 1, 1) if name == 'mean_c' else (1, 1, 1, -1)))
        found[n, c, h, w] = row.min() if name == 'minpool' else row.max()
    return found
