"""Mutations: the exact child for scripted draws, and properties over thousands."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest

from mmautoloss.expr import MUTATIONS, PRIMITIVES, Tree, mutate, parse

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
