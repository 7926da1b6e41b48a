"""Logarithms of probabilities, computed from the logits and read like inputs.

In float32 a sigmoid is 1 for logits from 17 on: its ``log(1 - p)`` would be 0, with a gradient of 0, exactly where a
prediction is most wrong. So if ``p`` is a sigmoid or a softmax, ``log(p)`` and ``log(1 - p)`` are computed from the raw
prediction. This only affects the evaluation, not the expression.

Example:
    >>> from mmautoloss.expr.parsing import parse
    >>> read_logarithms(parse('-y * log(p) + log(y)')).inputs
    ('log(p)', 'y')
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mmautoloss.expr.constants import ON_CONSTANTS
from mmautoloss.expr.tree import Tree, arity, is_number
from mmautoloss.expr.tree import join as apply

LOG_P, LOG_NOT_P = 'log(p)', 'log(1 - p)'
"""Names of the two inputs; not identifiers, so that no other input can have them."""

LOGARITHMS = frozenset({LOG_P, LOG_NOT_P})

LEAST = -1e9
"""The least value of both. A logit of -Inf means that a class is impossible; a logarithm of -Inf, multiplied by the 0 of the
label, would be NaN."""

_Line = tuple[float, float]
"""A linear function of ``p``: its intercept and its slope."""

_LEAVES: dict[_Line, Tree] = {(0.0, 1.0): Tree._of_parts((LOG_P,)), (1.0, -1.0): Tree._of_parts((LOG_NOT_P,))}


@lru_cache(maxsize=4096)
def read_logarithms(tree: Tree) -> Tree:
    """The tree to evaluate if ``p`` is a probability computed from logits.

    The logarithm of an operand that equals ``p`` or ``1 - p`` becomes an input, and that of one of these negated the negated
    input, since the protected logarithm is odd. All other logarithms stay.
    """
    done: list[Tree] = []
    for position in reversed(range(len(tree.nodes))):
        node = tree.nodes[position]
        operands = [done.pop() for _ in range(arity(node))]
        leaf = _leaf_of(tree.subtree(position + 1)) if node == 'log' else None
        done.append(leaf or (apply(node, *operands) if operands else Tree._of_parts((node,))))
    return done[0]


def _leaf_of(operand: Tree) -> Tree | None:
    """The tree that replaces the logarithm of an operand; None if it stays."""
    if operand.inputs != ('p',):
        return None
    line = _line_of(operand)
    if line is None:
        return None
    if line in _LEAVES:
        return _LEAVES[line]
    negated = _LEAVES.get(_times(-1.0, line))
    return negated and apply('neg', negated)


def _line_of(tree: Tree) -> _Line | None:
    """An expression of ``p`` as a linear function; None if it is not linear."""
    done: list[_Line] = []
    for node in reversed(tree.nodes):
        operands = [done.pop() for _ in range(arity(node))]
        line = _line_at(node, operands) if operands else _line_of_leaf(node)
        if line is None:
            return None
        done.append(line)
    return done[0]


def _line_at(node: str, operands: list[_Line]) -> _Line | None:
    if node in _LINES:
        return _LINES[node](*operands)
    number, slope = operands[0]
    if slope or node not in ON_CONSTANTS:
        return None
    try:
        return ON_CONSTANTS[node](number), 0.0
    except (OverflowError, ZeroDivisionError):
        return None


def _line_of_leaf(node: str) -> _Line | None:
    if node == 'p':
        return 0.0, 1.0
    return (float(node), 0.0) if is_number(node) else None


def _times(factor: float, line: _Line) -> _Line:
    return factor * line[0] + 0.0, factor * line[1] + 0.0  # + 0.0 turns -0.0 into 0.0


def _product(x: _Line, z: _Line) -> _Line | None:
    if x[1] and z[1]:
        return None
    return _times(z[0], x) if x[1] else _times(x[0], z)


def _absolute(x: _Line) -> _Line | None:
    """The absolute value of a line that has one sign for all ``p`` from 0 to 1; None of any other."""
    ends = (x[0], x[0] + x[1])
    if min(ends) >= 0:
        return x
    return _times(-1.0, x) if max(ends) <= 0 else None


_LINES: dict[str, Callable[..., _Line | None]] = {
    'add': lambda x, z: (x[0] + z[0], x[1] + z[1]),
    'mul': _product,
    'neg': lambda x: _times(-1.0, x),
    'abs': _absolute,
}
