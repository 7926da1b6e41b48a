"""Logarithms of probabilities that are computed from the logits, as inputs of their own.

In float32 a sigmoid is 1 from a logit of 17 on: ``log(1 - p)`` of it would be 0, with a gradient of 0, where a prediction is
most wrong. So where ``p`` is a sigmoid or a softmax, ``log(p)`` and ``log(1 - p)`` are read like inputs, computed from the
raw prediction. The expression stays what it is; this is how it is evaluated.

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
"""Names of the two inputs: no words, so that nothing else is called so."""

LOGARITHMS = frozenset({LOG_P, LOG_NOT_P})

LEAST = -1e9
"""The least value of both. A logit of -Inf says that a class is not possible; as -Inf its logarithm would be no number to
multiply with the 0 of the label."""

_Line = tuple[float, float]
"""A number, and the factor of ``p`` that is added to it."""

_LEAVES: dict[_Line, Tree] = {(0.0, 1.0): Tree._of_parts((LOG_P,)), (1.0, -1.0): Tree._of_parts((LOG_NOT_P,))}


@lru_cache(maxsize=4096)
def read_logarithms(tree: Tree) -> Tree:
    """The tree as it is evaluated where ``p`` are probabilities of logits.

    A logarithm of what comes to ``p`` or ``1 - p`` is an input; of one of these with a sign, the input with that sign,
    since the protected logarithm is odd. All others stay.
    """
    done: list[Tree] = []
    for position in reversed(range(len(tree.nodes))):
        node = tree.nodes[position]
        operands = [done.pop() for _ in range(arity(node))]
        leaf = _leaf_of(tree.subtree(position + 1)) if node == 'log' else None
        done.append(leaf or (apply(node, *operands) if operands else Tree._of_parts((node,))))
    return done[0]


def _leaf_of(operand: Tree) -> Tree | None:
    """What the logarithm of an operand is, where that is a probability."""
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
    """What an expression of ``p`` is as a line; None where it is none."""
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
    return factor * line[0] + 0.0, factor * line[1] + 0.0  # no -0


def _product(x: _Line, z: _Line) -> _Line | None:
    if x[1] and z[1]:
        return None
    return _times(z[0], x) if x[1] else _times(x[0], z)


def _absolute(x: _Line) -> _Line | None:
    """Of what has one sign for all ``p`` from 0 to 1."""
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
