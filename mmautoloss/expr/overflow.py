"""Whether an expression can leave the range of float32, so that not even a factor of 0 would make it 0."""

from __future__ import annotations

from functools import lru_cache

from mmautoloss.expr.bounds import Bounds, bounds_of
from mmautoloss.expr.tree import Tree, arity, is_number

ANY, OF_DATA = 1e6, 50.0
"""How large inputs are taken to be: a prediction may be anywhere on its way, targets are what the data have."""

_POOLS = frozenset({'maxpool', 'minpool'})


@lru_cache(maxsize=4096)
def stays_finite(tree: Tree, largest: float = ANY) -> bool:
    """Whether it is proved that neither the value nor the slope of an expression can overflow in float32.

    Args:
        tree: The expression.
        largest: Absolute value that no input exceeds.

    Example:
        >>> from mmautoloss.expr.text import parse
        >>> stays_finite(parse('log(p) * y')), stays_finite(parse('exp(p)'))
        (True, False)
    """
    done: list[Bounds] = []
    for node in reversed(tree.nodes):
        if node in _POOLS:  # as large as what they are of
            continue
        operands = [done.pop() for _ in range(arity(node))]
        done.append(bounds_of(node, *operands) if operands else _of_leaf(node, largest))
    return done[0].finite


def _of_leaf(node: str, largest: float) -> Bounds:
    return Bounds(float(node), float(node), 0.0) if is_number(node) else Bounds(-largest, largest, 1.0)
