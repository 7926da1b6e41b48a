"""Random graphs as AutoLoss-Zero draws them."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
import torch

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import DRAWN, PRIMITIVES, PUBLISHED, Tree, random_tree
from mmautoloss.expr.random_trees import random_leaf, random_operator


def leaf_depths(tree: Tree) -> set[int]:
    """Number of operators above each leaf."""
    if not tree.operands():
        return {0}
    return {1 + depth for operand in tree.operands() for depth in leaf_depths(operand)}


def is_uniform(counts: Counter, values: set, draws: int) -> bool:
    """Chi-square statistic below its mean plus six standard deviations."""
    expected = draws / len(values)
    statistic = sum((counts[value] - expected) ** 2 / expected for value in values)
    freedom = len(values) - 1
    return set(counts) == values and statistic < freedom + 6 * (2 * freedom) ** 0.5


@pytest.mark.parametrize('depth', range(6))
def test_every_path_has_exactly_the_wanted_depth(depth):
    rng = random.Random(depth)
    for _ in range(100):
        assert leaf_depths(random_tree(rng, ('p', 'y'), depth)) == {depth}


def test_operators_are_uniform_at_the_root_and_below():
    rng = random.Random(0)
    trees = [random_tree(rng, ('p', 'y'), depth=2) for _ in range(3000)]
    assert is_uniform(Counter(tree.root for tree in trees), set(DRAWN), 3000)
    below = Counter(operand.root for tree in trees for operand in tree.operands())
    assert is_uniform(below, set(DRAWN), below.total())


@pytest.mark.parametrize('inputs', [('p', 'y'), ('i', 'u', 'e'), ('p',)], ids=''.join)
def test_leaves_are_uniform_over_the_inputs_and_one(inputs):
    rng = random.Random(0)
    leaves = Counter(random_leaf(rng, inputs).root for _ in range(2000))
    assert is_uniform(leaves, {*inputs, '1'}, 2000)
    allowed = {*inputs, '1', *DRAWN}
    for _ in range(200):
        assert set(random_tree(rng, inputs, depth=4).nodes) <= allowed


def test_the_uniformity_bound_notices_a_missing_or_doubled_operator():
    rng = random.Random(0)
    names = list(DRAWN)
    assert not is_uniform(Counter(rng.choices(names[1:], k=3000)), set(names), 3000)
    assert not is_uniform(Counter(rng.choices([*names, 'add'], k=3000)), set(names), 3000)


def test_an_operator_can_be_left_out():
    rng = random.Random(0)
    drawn = Counter(random_operator(rng, without='add') for _ in range(3000))
    assert is_uniform(drawn, set(DRAWN) - {'add'}, 3000)


def test_the_14_published_operators_are_drawn_in_their_order():
    """Their order is part of every seed: another one would give other trees."""
    names = 'add mul neg abs inv log exp tanh square sqrt mean_nhw mean_c maxpool minpool'
    assert ' '.join(DRAWN) == names
    assert list(PRIMITIVES)[:14] == DRAWN == list(PUBLISHED)


def test_the_same_seed_draws_the_same_trees():
    first, second, other = random.Random(7), random.Random(7), random.Random(8)
    drawn = [random_tree(first, ('p', 'y'), 3) for _ in range(20)]
    assert drawn == [random_tree(second, ('p', 'y'), 3) for _ in range(20)]
    assert drawn != [random_tree(other, ('p', 'y'), 3) for _ in range(20)]


def test_global_random_states_stay_untouched():
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    random_tree(random.Random(0), ('p', 'y'), depth=4)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_a_depth_of_which_hardly_a_graph_fits_is_refused():
    with pytest.raises(ExpressionError, match='may be 20 deep, but got depth=149'):
        random_tree(random.Random(0), ('p', 'y'), 149)
