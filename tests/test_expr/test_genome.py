"""Genomes: one expression a branch, in a fixed order, immutable."""

from __future__ import annotations

import pickle

import pytest

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import Genome, Tree, parse

TEXTS = {'rpn_cls': '-y * log(p)', 'rpn_bbox': 'abs(p - y)', 'cls': '(p - y) ** 2'}


def test_is_a_map_in_the_order_given():
    genome = Genome.from_text(TEXTS)
    assert list(genome) == ['rpn_cls', 'rpn_bbox', 'cls']
    assert len(genome) == 3
    assert genome['cls'] == parse('(p - y) ** 2')
    assert dict(genome) == {branch: parse(text) for branch, text in TEXTS.items()}
    assert 'mask' not in genome
    with pytest.raises(KeyError, match='mask'):
        genome['mask']


def test_text_round_trip():
    genome = Genome.from_text(TEXTS)
    assert genome.to_text() == TEXTS
    assert list(genome.to_text()) == list(TEXTS)
    assert Genome.from_text(genome.to_text()) == genome
    assert repr(genome) == f'Genome({TEXTS!r})'


def test_random_trees_survive_as_text(trees):
    for index in range(0, len(trees) - 3, 7):
        genome = Genome(dict(zip('abc', trees[index : index + 3], strict=True)))
        assert Genome.from_text(genome.to_text()) == genome


def test_equal_genomes_hash_alike_whatever_the_order():
    genome = Genome.from_text(TEXTS)
    turned = Genome.from_text(dict(reversed(TEXTS.items())))
    assert list(turned) != list(genome)
    assert turned == genome
    assert hash(turned) == hash(genome)
    assert len({genome, turned, pickle.loads(pickle.dumps(genome))}) == 1
    assert genome != Genome.from_text({**TEXTS, 'cls': 'p'})
    assert genome != Genome.from_text({'cls': TEXTS['cls']})


def test_branches_count_not_only_expressions():
    first = Genome.from_text({'a': 'p', 'b': 'y'})
    assert first != Genome.from_text({'a': 'y', 'b': 'p'})


def test_with_tree_changes_a_copy():
    genome = Genome.from_text(TEXTS)
    child = genome.with_tree('rpn_bbox', parse('p * y'))
    assert child.to_text() == {**TEXTS, 'rpn_bbox': 'p * y'}
    assert list(child) == list(genome)
    assert genome.to_text() == TEXTS
    with pytest.raises(ExpressionError, match="no branch 'mask', only rpn_cls, rpn_bbox, cls"):
        genome.with_tree('mask', parse('p'))
    with pytest.raises(ExpressionError, match="'rpn_cls' needs an expression tree, but got 'p'"):
        genome.with_tree('rpn_cls', 'p')


def test_later_changes_of_the_source_do_not_reach_in():
    source = {'a': Tree(('p',))}
    genome = Genome(source)
    source['a'] = Tree(('y',))
    genome.to_text()['a'] = 'y'
    assert genome['a'] == Tree(('p',))
    with pytest.raises(TypeError):
        genome['a'] = Tree(('y',))


@pytest.mark.parametrize(
    ('trees', 'message'),
    [
        ({}, 'at least one branch'),
        ({'a': 'p'}, "'a' needs an expression tree, but got 'p'"),
        ({'a': Tree(('p',)), 'b': None}, "'b' needs"),
    ],
    ids=['no branch', 'text', 'None'],
)
def test_errors(trees, message):
    with pytest.raises(ExpressionError, match=message):
        Genome(trees)


def test_bad_text_is_told():
    with pytest.raises(ExpressionError, match='relu'):
        Genome.from_text({'a': 'p', 'b': 'relu(p)'})
