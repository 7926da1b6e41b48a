"""Trees: what is refused, what is equal, and where the parts are."""

from __future__ import annotations

import copy
import pickle
import random

import pytest

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import Tree, apply

CE = Tree(('neg', 'mean_c', 'mul', 'y', 'log', 'p'))

INVALID = {
    'nothing': ((), 'lacks 1 operand'),
    'no operand': (('neg',), 'lacks 1 operand'),
    'one of two operands': (('add', 'p'), 'lacks 1 operand'),
    'missing deep inside': (('add', 'mul', 'p', 'y'), 'lacks 1 operand'),
    'missing twice': (('add', 'mul', 'p'), 'lacks 2 operand'),
    'two leaves': (('p', 'y'), "'y'"),
    'a third operand': (('add', 'p', 'y', '1'), "'1'"),
    'negative number': (('-1',), "'-1'"),
    'no number': (('nan',), None),
    'infinite number': (('1e999',), 'finite'),
    'number in words': (('1.0',), "'1'"),
    'leading zero': (('01',), "'1'"),
    'other digits': (('١',), "'1'"),
    'punctuation': (('p;q',), "'p;q'"),
    'empty node': (('',), "''"),
    'a space': (('p ',), "'p '"),
    'not text': ((1,), 'got 1'),
    'None': ((None,), 'got None'),
    'a word of Python': (('lambda',), "'lambda'"),
    'a truth value': (('True',), "'True'"),
    'other name of an operator': (('max_pool',), "'max_pool'"),
}


@pytest.mark.parametrize(('nodes', 'message'), INVALID.values(), ids=INVALID)
def test_invalid_nodes_are_refused(nodes, message):
    if message is None:  # a name like any other
        assert Tree(nodes).inputs == nodes
        return
    with pytest.raises(ExpressionError, match=message):
        Tree(nodes)


def test_an_operator_takes_its_own_number_of_operands():
    p = Tree(('p',))
    assert apply('add', p, CE).nodes == ('add', 'p', *CE.nodes)
    with pytest.raises(ExpressionError, match='lacks'):
        apply('add', p)
    with pytest.raises(ExpressionError, match='follow'):
        apply('neg', p, p)


def test_nothing_can_be_changed():
    tree = Tree(['p'])
    for change in (
        lambda: setattr(tree, 'nodes', ('y',)),
        lambda: setattr(tree, 'other', 1),
        lambda: delattr(tree, 'nodes'),
    ):
        with pytest.raises(AttributeError, match='cannot be changed'):
            change()
    assert tree == Tree(('p',))


def test_equal_by_value_in_sets_copies_and_pickles():
    same = Tree(iter(CE.nodes))
    assert same == CE
    assert hash(same) == hash(CE)
    assert {CE: 1}[same] == 1
    assert Tree(('p',)) != CE
    assert CE.nodes != CE
    assert pickle.loads(pickle.dumps(CE)) == CE
    assert copy.deepcopy(CE) == CE
    assert {pickle.loads(pickle.dumps(CE)), copy.copy(CE), CE} == {CE}


def test_parts_of_a_known_tree():
    tree = Tree(('add', 'mul', 'p', 'neg', 'y', 'exp', '1'))  # p * -y + exp(1)
    assert (len(tree), tree.size, tree.root, tree.depth) == (7, 7, 'add', 3)
    assert tree.inputs == ('p', 'y')
    assert list(tree.children()) == [1, 5]
    assert list(tree.children(1)) == [2, 3]
    assert list(tree.children(3)) == [4]
    assert list(tree.children(2)) == []
    assert [tree.end(position) for position in range(7)] == [7, 5, 3, 5, 5, 7, 7]
    assert tree.subtree(1) == Tree(('mul', 'p', 'neg', 'y'))
    assert tree.operands() == (tree.subtree(1), Tree(('exp', '1')))
    assert tree.replace(3, Tree(('1',))) == Tree(('add', 'mul', 'p', '1', 'exp', '1'))
    assert tree.replace(0, CE) == CE
    assert repr(CE) == f'Tree({CE.nodes!r})'
    assert eval(repr(CE)) == CE


@pytest.mark.parametrize(
    ('nodes', 'depth', 'inputs'),
    [
        (('p',), 0, ('p',)),
        (('1',), 0, ()),
        (('neg', '0.5'), 1, ()),
        (('add', 'y', 'i'), 1, ('i', 'y')),
        (('add', 'neg', 'neg', 'p', 'p'), 3, ('p',)),
        (('add', 'p', 'neg', 'neg', 'p'), 3, ('p',)),
    ],
)
def test_depth_and_inputs(nodes, depth, inputs):
    assert Tree(nodes).depth == depth
    assert Tree(nodes).inputs == inputs


def depth_by_definition(tree: Tree) -> int:
    return 1 + max(map(depth_by_definition, tree.operands())) if tree.operands() else 0


def test_slices_tile_every_tree(trees):
    for tree in trees:
        for position in range(tree.size):
            borders = [position + 1, *(tree.end(child) for child in tree.children(position))]
            assert list(tree.children(position)) == borders[:-1]
            assert borders[-1] == tree.end(position)
        assert tree.end(0) == tree.size


def test_replacing_a_part_by_itself_is_nothing(trees):
    for tree in trees[::3]:
        for position in range(tree.size):
            assert tree.replace(position, tree.subtree(position)) == tree


def test_replacing_a_part_shows_up_there_and_only_there(trees):
    rng = random.Random(0)
    for tree in trees:
        position = rng.randrange(tree.size)
        child = tree.replace(position, CE)
        assert child.subtree(position) == CE
        assert child.nodes[:position] == tree.nodes[:position]
        assert child.nodes[child.end(position) :] == tree.nodes[tree.end(position) :]


def test_depth_and_operands_agree_with_their_definition(trees):
    for tree in trees:
        assert tree.depth == depth_by_definition(tree)
        rest = [node for operand in tree.operands() for node in operand.nodes]
        assert tree.nodes == (tree.root, *rest)
