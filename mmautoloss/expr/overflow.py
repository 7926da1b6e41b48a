"""Whether an expression can leave the range of float32, so that not even a factor of 0 would make it 0."""

from __future__ import annotations

from functools import lru_cache

from mmautoloss.expr.bounds import Bounds, bounds_of
from mmautoloss.expr.tree import Tree, arity, is_number

ANY, OF_DATA = Bounds(-1e6, 1e6, 1.0), Bounds(-50.0, 50.0, 1.0)
"""How large inputs are taken to be: a prediction may be anywhere on its way, targets are what the data have."""

_POOLS = frozenset({'maxpool', 'minpool'})


@lru_cache(maxsize=4096)
def cannot_overflow(tree: Tree, inputs: Bounds = ANY) -> bool:
    """Whether it is proved that neither the value nor the slope of an expression can overflow in float32.

    Args:
        tree: The expression.
        inputs: Where all inputs lie.

    Example:
        >>> from mmautoloss.expr.text import parse
        >>> cannot_overflow(parse('log(p) * y')), cannot_overflow(parse('exp(p)'))
        (True, False)
    """
    done: list[Bounds] = []
    for node in reversed(tree.nodes):
        if node in _POOLS:  # as large as what they are of
            continue
        operands = [done.pop() for _ in range(arity(node))]
        done.append(bounds_of(node, *operands) if operands else _of_leaf(node, inputs))
    return done[0].finite


def _of_leaf(node: str, inputs: Bounds) -> Bounds:
    return Bounds(float(node), float(node), 0.0) if is_number(node) else inputs
