"""Expressions as a search draws them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from mmautoloss.expr import Tree, mutate, parse, random_tree

DEPTH, MAX_NODES = 3, 40
"""Of fresh graphs, as published; of mutants, as in ``RegularizedEvolution``."""


def fresh(names: tuple[str, ...], seed: int) -> Iterator[Tree]:
    """Random graphs without end."""
    rng = random.Random(f'fresh/{seed}')
    while True:
        yield random_tree(rng, names, DEPTH)


def chain(names: tuple[str, ...], known: str, accepts: Callable[[Tree], bool], seed: int) -> Iterator[Tree]:
    """Mutants without end: of the hand-made loss, then of the mutants that were accepted.

    Args:
        names: What expressions read.
        known: The hand-made loss.
        accepts: Says which mutants become parents.
        seed: Seed of all chance.
    """
    rng = random.Random(f'chain/{seed}')
    parents = [parse(known)]
    while True:
        child, _ = mutate(rng.choice(parents), rng, names, MAX_NODES)
        yield child
        if accepts(child):
            parents = [*parents[-19:], child]
