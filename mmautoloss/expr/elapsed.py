"""The elapsed share of the training, which any expression may read as ``t``.

Losses that know how much of the training has passed can change in its course, as ``(1 - t) * a + t * b`` does (Jackson et
al., ICLR 2024, "Discovering Temporally-Aware Reinforcement Learning Algorithms", arXiv 2402.05828). ``t`` is a number: the
same for all elements of a call.
"""

from __future__ import annotations

from mmautoloss.expr.operators.ranges import Bounds
from mmautoloss.expr.tree import Tree, arity, is_number

ELAPSED = 't'
"""Its name in expressions; 0 at the beginning of a training, 1 at its end."""

SHARE = Bounds(0.0, 1.0)

MEANING = 'the elapsed share of the training, from 0 at its beginning to 1 at its end'


def reads_elapsed(tree: Tree) -> bool:
    """Whether an expression reads the elapsed share."""
    return ELAPSED in tree.nodes


def is_uniform(tree: Tree) -> bool:
    """Whether an expression has one value for all elements of any call: it reads nothing but numbers and ``t``.

    Example:
        >>> is_uniform(Tree(('neg', 't'))), is_uniform(Tree(('mul', 't', 'p')))
        (True, False)
    """
    return all(node == ELAPSED or arity(node) or is_number(node) for node in tree.nodes)
