"""Random expressions and inputs that the tests of this folder share."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, mutate, random_tree
from mmautoloss.expr.mutation import change_number

INPUTS = ('p', 'y')
CONSTANTS = ('0', '0.25', '2', '1e-07', '1e+300', '123456.789')


def with_constants(tree: Tree, rng: random.Random) -> Tree:
    """The tree, in which some of the ones are other constants."""
    nodes = [rng.choice((*CONSTANTS, node)) if node == '1' else node for node in tree.nodes]
    return Tree(nodes)


@pytest.fixture(scope='session')
def trees() -> list[Tree]:
    """3000 different-looking expressions: drawn, mutated up to six times, with constants and with changed numbers."""
    rng = random.Random(20220619)
    found = []
    for index in range(3000):
        tree = random_tree(rng, INPUTS, depth=index % 5)
        for _ in range(rng.randrange(7)):
            tree, _ = mutate(tree, rng, INPUTS, max_nodes=40)
        found.append(with_constants(tree, rng) if index % 3 == 0 else tree)
    for index in range(1, 3000, 3):  # after all others, whose draws stay
        for _ in range(rng.randint(1, 4)):
            found[index] = change_number(found[index], rng, INPUTS)
    return found


@pytest.fixture
def make_inputs() -> Callable[..., dict[str, Tensor]]:
    """Makes ``p``, with gradient, and ``y``: float64 of one shape, of both signs."""

    def make(seed: int, shape: tuple[int, ...] = (2, 3, 5, 5)) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        p, y = 2 * torch.rand(2, *shape, generator=generator, dtype=torch.float64) - 1
        return {'p': p.requires_grad_(), 'y': y}

    return make
