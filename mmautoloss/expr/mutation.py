"""Mutations: insertion, deletion and replacement of AutoLoss-Zero, and the change of a number."""

from __future__ import annotations

import random
from collections.abc import Sequence

from mmautoloss.expr.primitives import PRIMITIVES
from mmautoloss.expr.random_trees import Weights, random_leaf, random_operator
from mmautoloss.expr.tree import Tree, arity, fits, format_number, graft, is_number, join

SMALLEST, LARGEST = 1e-6, 1e6
"""Range of the numbers that mutate and that arise; smaller ones are protections, such as the 1e-12 in a logarithm."""


def insert(tree: Tree, rng: random.Random, inputs: Sequence[str], weights: Weights = None) -> Tree:
    """Inserts an operator between a node and its parent; a missing operand is a random leaf."""
    position = rng.randrange(tree.size)
    operator = random_operator(rng, weights=weights)
    operands = [tree.subtree(position)]
    while len(operands) < PRIMITIVES[operator].arity:
        operands.insert(rng.randrange(len(operands) + 1), random_leaf(rng, inputs))
    return graft(tree, position, join(operator, *operands))


def delete(tree: Tree, rng: random.Random, inputs: Sequence[str], weights: Weights = None) -> Tree:
    """Replaces an operator by one of its children; a single leaf is unchanged."""
    positions = _operators(tree)
    if not positions:
        return tree
    position = rng.choice(positions)
    child = rng.choice(list(tree.children(position)))
    return graft(tree, position, tree.subtree(child))


def replace(tree: Tree, rng: random.Random, inputs: Sequence[str], weights: Weights = None) -> Tree:
    """Replaces an operator by another; surplus children are removed, missing ones are random leaves."""
    positions = _operators(tree)
    if not positions:
        return random_leaf(rng, inputs)
    position = rng.choice(positions)
    operator = random_operator(rng, tree.nodes[position], weights)
    operands = [tree.subtree(child) for child in tree.children(position)]
    while len(operands) > PRIMITIVES[operator].arity:
        operands.pop(rng.randrange(len(operands)))
    while len(operands) < PRIMITIVES[operator].arity:
        operands.insert(rng.randrange(len(operands) + 1), random_leaf(rng, inputs))
    return graft(tree, position, join(operator, *operands))


def change_number(tree: Tree, rng: random.Random, inputs: Sequence[str]) -> Tree:
    """Multiplies a number by ``2 ** a`` with a standard normal ``a``, rounded to three digits (Lion, arXiv 2302.06675).

    The number is one of the expression, or, with the same probability as each of these, the 1 that one may write before a
    sub-expression. The whole expression gets a factor only if it has no parts, since a loss has a weight already.
    """
    numbers = [position for position, node in enumerate(tree.nodes) if is_number(node) and _is_in_range(float(node))]
    position = rng.choice([*numbers, None])
    if position is not None:
        return graft(tree, position, _changed(float(tree.nodes[position]), rng))
    position = rng.choice([part for part in range(1, tree.size) if not is_number(tree.nodes[part])] or [0])
    return graft(tree, position, join('mul', _changed(1.0, rng), tree.subtree(position)))


def _changed(number: float, rng: random.Random) -> Tree:
    while True:  # until rounding does not undo the change
        changed = float(f'{number * 2 ** rng.normalvariate(0, 1):.3g}')
        if changed != number and _is_in_range(changed):
            return Tree((format_number(changed),))


def _is_in_range(number: float) -> bool:
    return SMALLEST <= number <= LARGEST


MUTATIONS = {'insert': insert, 'delete': delete, 'replace': replace}
"""The published mutations by name; one is drawn uniformly."""


def mutate(
    tree: Tree,
    rng: random.Random,
    inputs: Sequence[str],
    max_nodes: int,
    number_rate: float = 0.0,
    weights: Weights = None,
) -> tuple[Tree, str]:
    """Draws a mutation and applies it; if the child exceeds ``max_nodes`` or the limits of ``fits``, deletes instead.

    Args:
        tree: The parent.
        rng: Random generator.
        inputs: Names of the inputs that the child may read.
        max_nodes: Most nodes of the child.
        number_rate: Share of the mutations that change a number.
        weights: Positive weights by operator of ``DRAWN``, in proportion to which a new operator is drawn; None for equal
            ones.

    Returns:
        The child and the name of the mutation.
    """
    if number_rate and rng.random() < number_rate:
        name, child = 'number', change_number(tree, rng, inputs)
    else:
        name = rng.choice(tuple(MUTATIONS))
        child = MUTATIONS[name](tree, rng, inputs, weights)
    if child.size > max_nodes or not fits(child):
        name = 'delete'
        child = delete(tree, rng, inputs)
    return child, name


def _operators(tree: Tree) -> list[int]:
    return [position for position, node in enumerate(tree.nodes) if arity(node)]
