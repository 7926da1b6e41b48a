"""Random expressions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from mmautoloss.errors import ExpressionError
from mmautoloss.expr.primitives import DRAWN, PRIMITIVES
from mmautoloss.expr.tree import MAX_NODES, Tree

CONSTANT = '1'
"""The only constant that a search draws."""

MAX_DEPTH = 20
"""Largest depth of a random graph. At depth 20 graphs have 109 nodes on average; at 30, half are too large."""

Weights = Mapping[str, float] | None
"""Positive weights by operator of ``DRAWN``, in proportion to which operators are drawn; None for equal ones."""


def random_leaf(rng: random.Random, inputs: Sequence[str]) -> Tree:
    """Draws an input or the constant 1, all with equal probability."""
    return Tree((rng.choice((*inputs, CONSTANT)),))


def random_operator(rng: random.Random, without: str | None = None, weights: Weights = None) -> str:
    """Draws one of ``DRAWN``, other than ``without``; uniformly, or in proportion to weights by operator."""
    names = DRAWN if without is None else [name for name in DRAWN if name != without]
    if weights is None:
        return rng.choice(names)
    return rng.choices(names, [weights[name] for name in names])[0]


def random_tree(rng: random.Random, inputs: Sequence[str], depth: int, weights: Weights = None) -> Tree:
    """Draws a graph as AutoLoss-Zero does: operators from the root down, leaves at ``depth``.

    Args:
        rng: Random generator.
        inputs: Names of the tensors that the loss may read, such as ``('p', 'y')``.
        depth: Number of operators on every path, up to ``MAX_DEPTH``; the published value is 3. A graph with more than
            ``MAX_NODES`` nodes is drawn again.
        weights: Positive weights by operator of ``DRAWN``, in proportion to which operators are drawn; None for equal ones.

    Raises:
        ExpressionError: The depth is above ``MAX_DEPTH``; nearly all such graphs have too many nodes.

    Example:
        >>> str(random_tree(random.Random(1), ('p', 'y'), depth=3))
        '-sqrt(minpool(p))'
    """
    if depth > MAX_DEPTH:
        raise ExpressionError(f'A random graph may be {MAX_DEPTH} deep, but got depth={depth}.')
    while len(nodes := _random_nodes(rng, (*inputs, CONSTANT), depth, weights)) > MAX_NODES:
        continue
    return Tree(nodes)


def _random_nodes(rng: random.Random, leaves: Sequence[str], depth: int, weights: Weights) -> list[str]:
    if depth == 0:
        return [rng.choice(leaves)]
    nodes = [random_operator(rng, weights=weights)]
    for _ in range(PRIMITIVES[nodes[0]].arity):
        nodes += _random_nodes(rng, leaves, depth - 1, weights)
    return nodes
