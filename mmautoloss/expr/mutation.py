"""The three mutations of AutoLoss-Zero: insertion, deletion, replacement."""

from __future__ import annotations

import random
from collections.abc import Sequence

from mmautoloss.expr.primitives import PRIMITIVES
from mmautoloss.expr.random_trees import random_leaf, random_operator
from mmautoloss.expr.tree import Tree, arity, fits, graft, join


def insert(tree: Tree, rng: random.Random, inputs: Sequence[str]) -> Tree:
    """Inserts an operator between a node and its parent; a missing operand is a random leaf."""
    position = rng.randrange(tree.size)
    operator = random_operator(rng)
    operands = [tree.subtree(position)]
    while len(operands) < PRIMITIVES[operator].arity:
        operands.insert(rng.randrange(len(operands) + 1), random_leaf(rng, inputs))
    return graft(tree, position, join(operator, *operands))


def delete(tree: Tree, rng: random.Random, inputs: Sequence[str]) -> Tree:
    """Replaces an operator by one of its children; a single leaf is unchanged."""
    positions = _operators(tree)
    if not positions:
        return tree
    position = rng.choice(positions)
    child = rng.choice(list(tree.children(position)))
    return graft(tree, position, tree.subtree(child))


def replace(tree: Tree, rng: random.Random, inputs: Sequence[str]) -> Tree:
    """Replaces an operator by another; surplus children are removed, missing ones are random leaves."""
    positions = _operators(tree)
    if not positions:
        return random_leaf(rng, inputs)
    position = rng.choice(positions)
    operator = random_operator(rng, without=tree.nodes[position])
    operands = [tree.subtree(child) for child in tree.children(position)]
    while len(operands) > PRIMITIVES[operator].arity:
        operands.pop(rng.randrange(len(operands)))
    while len(operands) < PRIMITIVES[operator].arity:
        operands.insert(rng.randrange(len(operands) + 1), random_leaf(rng, inputs))
    return graft(tree, position, join(operator, *operands))


MUTATIONS = {'insert': insert, 'delete': delete, 'replace': replace}
"""All mutations by name; one is drawn uniformly."""


def mutate(tree: Tree, rng: random.Random, inputs: Sequence[str], max_nodes: int) -> tuple[Tree, str]:
    """Draws a mutation and applies it; if the child exceeds ``max_nodes`` or the limits of ``fits``, deletes instead.

    Returns:
        The child and the name of the mutation.
    """
    name = rng.choice(tuple(MUTATIONS))
    child = MUTATIONS[name](tree, rng, inputs)
    if child.size > max_nodes or not fits(child):
        name = 'delete'
        child = delete(tree, rng, inputs)
    return child, name


def _operators(tree: Tree) -> list[int]:
    return [position for position, node in enumerate(tree.nodes) if arity(node)]
