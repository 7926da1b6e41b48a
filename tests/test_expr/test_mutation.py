"""Mutations: the exact child for scripted draws, and properties over thousands."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from statistics import mean, stdev

import pytest

from mmautoloss.expr import DRAWN, MUTATIONS, PRIMITIVES, Tree, mutate, parse, random_tree
from mmautoloss.expr.mutation import LARGEST, SMALLEST, change_number, replace
from mmautoloss.expr.tree import is_number

INPUTS = ('p', 'y')


class ScriptedRandom:
    """Answers draws from a list and checks that each answer was possible."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def randrange(self, stop: int) -> int:
        answer = self.answers.pop(0)
        assert answer in range(stop)
        return answer

    def choice(self, options: Sequence) -> object:
        answer = self.answers.pop(0)
        assert answer in options
        return answer

    def random(self) -> float:
        return self.answers.pop(0)

    def normalvariate(self, mean: float, deviation: float) -> float:
        assert (mean, deviation) == (0, 1)
        return self.answers.pop(0)


# mutation, parent, draws, child
EXACT = [
    ('insert', 'y * log(p)', (0, 'neg'), '-(y * log(p))'),
    ('insert', 'y * log(p)', (2, 'mean_c'), 'y * mean_c(log(p))'),
    ('insert', 'y * log(p)', (3, 'add', 1, '1'), 'y * log(p + 1)'),
    ('insert', 'y * log(p)', (3, 'add', 0, '1'), 'y * log(1 + p)'),
    ('insert', 'p', (0, 'mul', 0, 'y'), 'y * p'),
    ('delete', 'y * log(p)', (0, 1), 'y'),
    ('delete', 'y * log(p)', (0, 2), 'log(p)'),
    ('delete', 'y * log(p)', (2, 3), 'y * p'),
    ('delete', 'p', (), 'p'),
    ('replace', 'y * log(p)', (2, 'exp'), 'y * exp(p)'),
    ('replace', 'y * log(p)', (0, 'add'), 'y + log(p)'),
    ('replace', 'y * log(p)', (0, 'neg', 0), '-log(p)'),
    ('replace', 'y * log(p)', (0, 'neg', 1), '-y'),
    ('replace', 'y * log(p)', (2, 'add', 1, '1'), 'y * (p + 1)'),
    ('replace', 'y * log(p)', (2, 'mul', 0, 'y'), 'y * (y * p)'),
    ('replace', 'p', ('1',), '1'),
]


@pytest.mark.parametrize(('name', 'parent', 'draws', 'child'), EXACT)
def test_scripted_draws_give_the_exact_child(name, parent, draws, child):
    rng = ScriptedRandom(*draws)
    assert MUTATIONS[name](parse(parent), rng, INPUTS) == parse(child)
    assert not rng.answers


def test_one_of_three_is_drawn():
    rng = ScriptedRandom('delete', 0, 2)
    assert mutate(parse('y * log(p)'), rng, INPUTS, max_nodes=9) == (parse('log(p)'), 'delete')


def test_growth_beyond_the_limit_becomes_a_deletion():
    rng = ScriptedRandom('insert', 0, 'neg', 0, 2)
    assert mutate(parse('y * log(p)'), rng, INPUTS, max_nodes=4) == (parse('log(p)'), 'delete')
    rng = ScriptedRandom('insert', 0, 'neg')
    child, name = mutate(parse('y * log(p)'), rng, INPUTS, max_nodes=5)
    assert (str(child), name) == ('-(y * log(p))', 'insert')


def test_a_lone_leaf_at_the_limit_stays():
    rng = ScriptedRandom('insert', 0, 'neg')
    assert mutate(parse('p'), rng, INPUTS, max_nodes=1) == (parse('p'), 'delete')


def test_insertion_adds_an_operator_and_keeps_all_nodes(trees):
    rng = random.Random(1)
    for tree in trees:
        child = MUTATIONS['insert'](tree, rng, INPUTS)
        added = Counter(child.nodes) - Counter(tree.nodes)
        assert not Counter(tree.nodes) - Counter(child.nodes)
        (operator,) = [node for node in added if node in PRIMITIVES]
        assert added[operator] == 1
        assert child.size - tree.size == PRIMITIVES[operator].arity
        assert set(added) <= {operator, 'p', 'y', '1'}


def test_deletion_takes_an_operator_away_and_adds_nothing(trees):
    rng = random.Random(2)
    for tree in trees:
        child = MUTATIONS['delete'](tree, rng, INPUTS)
        assert not Counter(child.nodes) - Counter(tree.nodes)
        assert child.size < tree.size or child == tree
        assert (child == tree) == (tree.depth == 0)


def test_replacement_exchanges_exactly_one_operator(trees):
    rng = random.Random(3)
    for tree in trees:
        child = MUTATIONS['replace'](tree, rng, INPUTS)
        if tree.depth == 0:
            assert child in {Tree(('p',)), Tree(('y',)), Tree(('1',))}
            continue
        assert child != tree
        pairs = zip(tree.nodes, child.nodes, strict=False)
        position = next(index for index, (old, new) in enumerate(pairs) if old != new)
        assert tree.nodes[position] in PRIMITIVES
        assert child.nodes[position] in PRIMITIVES
        rest = child.replace(position, tree.subtree(position))
        assert rest == tree


@pytest.mark.parametrize('max_nodes', [1, 2, 8, 40])
def test_the_limit_holds_however_long_a_search_runs(max_nodes):
    rng = random.Random(4)
    tree = Tree(('p',))
    names = Counter()
    for _ in range(2000):
        tree, name = mutate(tree, rng, INPUTS, max_nodes)
        names[name] += 1
        assert tree.size <= max_nodes
        assert set(tree.inputs) <= set(INPUTS)
    assert sum(names.values()) == 2000
    assert set(names) <= set(MUTATIONS)
    assert names['replace'] == pytest.approx(2000 / 3, rel=0.15)


def test_every_mutation_is_drawn_and_the_parent_stays(trees):
    rng = random.Random(5)
    nodes = [tree.nodes for tree in trees]
    names = Counter(mutate(tree, rng, INPUTS, max_nodes=1000)[1] for tree in trees)
    assert all(names[name] == pytest.approx(len(trees) / 3, rel=0.15) for name in MUTATIONS)
    assert [tree.nodes for tree in trees] == nodes


def test_same_seed_same_child(trees):
    for tree in trees[:200]:
        first = mutate(tree, random.Random(6), INPUTS, max_nodes=40)
        assert first == mutate(tree, random.Random(6), INPUTS, max_nodes=40)


# parent, draws (a position of a number or None, a position for a factor, powers of two), child
CHANGED = [
    ('1 - p', (1, 1.0), '2 - p'),
    ('1 - p', (1, -1.0), '0.5 - p'),
    ('0.25 * p', (1, 0.5), '0.354 * p'),
    ('1 - p', (1, 1e-9, 0.0, -2.0), '0.25 - p'),  # rounding undoes two draws
    ('1234 * p', (1, 0.0), '1230 * p'),
    ('1e6 * p', (1, 1.0, -1.0), '500000 * p'),  # the first is too large
    ('1.5e-06 * p', (1, -1.0, 1.0), '3e-06 * p'),
    ('1 - p', (None, 3, 1.0), '1 - 2 * p'),
    ('y * log(p)', (None, 2, 1.0), 'y * (2 * log(p))'),
    ('-p', (None, 1, 1.0), '-(2 * p)'),
    ('p', (None, 0, 1.0), '2 * p'),
    ('0', (None, 0, 1.0), '2 * 0'),
    ('p ** 2 - 2', (4, 1.0), 'p ** 2 - 4'),
]


@pytest.mark.parametrize(('parent', 'draws', 'child'), CHANGED)
def test_a_number_is_multiplied_by_a_power_of_two(parent, draws, child):
    rng = ScriptedRandom(*draws)
    assert change_number(parse(parent), rng, INPUTS) == parse(child)
    assert not rng.answers


def test_protections_and_zeros_stay():
    tree = parse('log(0 * p + 1e-12) + 1e30')
    for seed in range(50):
        child = change_number(tree, random.Random(seed), INPUTS)
        assert {'0', '1e-12', '1e+30'} <= set(child.nodes) and child.size == tree.size + 2


def test_changed_numbers_have_three_digits_and_one_text(trees):
    rng = random.Random(8)
    for tree in trees:
        child = change_number(tree, rng, INPUTS)
        assert child != tree and parse(str(child)) == child
        (new,) = [node for node in Counter(child.nodes) - Counter(tree.nodes) if is_number(node)]
        assert new == f'{float(new):.3g}' or float(new) == float(f'{float(new):.3g}') >= 1000
        assert SMALLEST <= float(new) <= LARGEST
        assert child.size - tree.size in (0, 2)


def test_factors_are_those_of_a_standard_normal_power_of_two():
    rng = random.Random(9)
    powers = [math.log2(float(change_number(parse('p'), rng, INPUTS).nodes[1])) for _ in range(4000)]
    assert mean(powers) == pytest.approx(0, abs=0.05) and stdev(powers) == pytest.approx(1, abs=0.04)


def test_a_new_factor_comes_as_often_as_each_number():
    rng = random.Random(10)
    tree = parse('2 * p + 3 * y')
    kept = Counter(
        tuple(node in child.nodes for node in ('2', '3'))
        for child in (change_number(tree, rng, INPUTS) for _ in range(3000))
    )
    assert all(
        kept[each] / 3000 == pytest.approx(1 / 3, abs=0.03) for each in ((True, True), (True, False), (False, True))
    )


def test_numbers_change_at_their_rate_only(trees):
    names = Counter(mutate(tree, random.Random(seed), INPUTS, 1000, 0.3)[1] for seed, tree in enumerate(trees))
    assert names['number'] / len(trees) == pytest.approx(0.3, abs=0.03)
    assert set(names) == {*MUTATIONS, 'number'}
    for seed, tree in enumerate(trees):
        assert mutate(tree, random.Random(seed), INPUTS, 40) == mutate(tree, random.Random(seed), INPUTS, 40, 0.0)


def test_new_operators_are_drawn_by_their_weights(trees):
    """None is drawn a second time in a row, whatever its weight; operands are as many as an operator has."""
    weights = {**dict.fromkeys(DRAWN, 1e-9), 'add': 1.0, 'abs': 3.0}
    rng, added = random.Random(11), Counter()
    for tree in trees:
        before = Counter(tree.nodes)
        child, name = mutate(tree, rng, INPUTS, 1000, weights=weights)
        if name != 'delete':
            added.update(node for node in Counter(child.nodes) - before if node in PRIMITIVES)
        assert parse(str(child)) == child
    assert set(added) == {'add', 'abs'} and 2.5 < added['abs'] / added['add'] < 4
    assert {replace(parse('abs(p)'), rng, INPUTS, weights).root for _ in range(50)} == {'add'}
    nodes = {node for _ in range(300) for node in random_tree(rng, INPUTS, 3, weights).nodes}
    assert nodes == {'add', 'abs', *INPUTS, '1'}


def test_a_factor_beyond_the_limit_becomes_a_deletion():
    assert mutate(parse('y * log(p)'), ScriptedRandom(0.1, None, 2, 1.0, 0, 2), INPUTS, 5, 0.5) == (
        parse('log(p)'),
        'delete',
    )


def test_published_draws_are_as_they_were():
    """Children of a fixed seed; other ones would make searches that have begun continue otherwise."""
    rng, texts = random.Random(2022), []
    tree = parse('-y * log(p)')
    for _ in range(6):
        tree, name = mutate(tree, rng, INPUTS, max_nodes=40)
        texts.append(f'{name}: {tree}')
    assert texts == [
        'replace: y ** 2 * log(p)',
        'replace: mean_nhw(y) * log(p)',
        'insert: mean_nhw(y) * log(maxpool(p))',
        'replace: mean_nhw(y) * log(mean_nhw(p))',
        'replace: mean_nhw(y) * minpool(mean_nhw(p))',
        'insert: mean_nhw(y) / minpool(mean_nhw(p))',
    ]
    assert (str(random_tree(rng, INPUTS, 3)), rng.random()) == ('mean_nhw(mean_nhw(tanh(1)))', 0.8250829765166448)
