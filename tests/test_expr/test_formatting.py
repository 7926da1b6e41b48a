"""Tree to text and back: exact inverses, on thousands of expressions."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmautoloss.expr import Tree, mutate, parse, random_tree
from mmautoloss.expr.tree import arity, format_number


def test_every_tree_survives_its_text(trees):
    for tree in trees:
        assert parse(str(tree)) == tree
        assert parse(str(tree), inputs=('p', 'y')) == tree


def test_different_trees_have_different_text(trees):
    assert len({str(tree) for tree in trees}) == len(set(trees))


def test_a_long_line_of_mutations_survives_as_text():
    rng = random.Random(3)
    tree = random_tree(rng, ('i', 'u', 'e'), depth=3)
    for _ in range(300):
        tree, _ = mutate(tree, rng, ('i', 'u', 'e'), max_nodes=60)
        assert parse(str(tree)) == tree


def test_redundant_brackets_change_nothing(trees):
    for tree in trees[::10]:
        assert parse(f'(({tree}))') == tree


def test_text_is_as_short_as_people_write_it():
    text = '-(0.25 * y * (1 - p) ** 2 * log(p) + 0.75 * (1 - y) * p ** 2 * log(1 - p))'
    assert str(parse(text)) == text


@given(st.floats(min_value=0, allow_nan=False, allow_infinity=False))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_constants_survive_exactly(number):
    tree = Tree((format_number(number),))
    assert float(tree.root) == number
    assert parse(str(tree)) == tree
    assert parse(repr(number)) == tree


@pytest.mark.parametrize(
    ('number', 'text'),
    [
        (1, '1'),
        (1.0, '1'),
        (-0.0, '0'),
        (0.1, '0.1'),
        (1e15, '1000000000000000'),
        (1e16, '1e+16'),
        (2**53 + 1, '9007199254740992'),  # the float next to it
        (1e-12, '1e-12'),
        (1.5e300, '1.5e+300'),
    ],
)
def test_one_number_has_one_text(number, text):
    assert format_number(number) == text
    assert Tree((text,)).nodes == (text,)


def _as_calls(tree: Tree, rng: random.Random) -> str:
    """Prefix text, as people write it who know another notation."""
    stack: list[str] = []
    for node in reversed(tree.nodes):
        operands = [stack.pop() for _ in range(arity(node))]
        name = rng.choice(SPELLED.get(node, (node,)))
        stack.append(f'{name}({", ".join(operands)})' if operands else node)
    return stack[0]


SPELLED = {'log': ('log', 'ln'), 'maxpool': ('maxpool', 'max_pool'), 'atan': ('atan', 'arctan')}


def test_calls_in_prefix_notation_are_the_same_tree(trees):
    rng = random.Random(0)
    for tree in trees[::5]:
        assert parse(_as_calls(tree, rng)) == tree


def test_other_spellings_of_signs_are_the_same_tree(trees):
    for one, other in zip(trees[::7], reversed(trees[::7]), strict=True):
        assert parse(f'sub({one}, {other})') == parse(f'({one}) - ({other})')
        assert parse(f'div({one}, {other})') == parse(f'({one}) / ({other})')
        assert parse(f'pow({one}, 2)') == parse(f'({one}) ^ 2') == parse(f'({one}) ** 2')
