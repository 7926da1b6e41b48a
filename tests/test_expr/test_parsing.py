"""Text to tree: the accepted notations and how tightly signs bind."""

from __future__ import annotations

import random
import sys

import pytest

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import PRIMITIVES, Tree, parse
from mmautoloss.expr.parsing import MAX_CHARACTERS
from mmautoloss.expr.primitives import ARITY

# text, nodes, text that is written back
NOTATIONS = [
    ('p', 'p', 'p'),
    (' ( p )\n', 'p', 'p'),
    ('1', '1', '1'),
    ('1.0', '1', '1'),
    ('.50', '0.5', '0.5'),
    ('1e-7', '1e-07', '1e-07'),
    ('10000000000000001', '1e+16', '1e+16'),
    ('1e-400', '0', '0'),
    ('+p', 'p', 'p'),
    ('-2', 'neg 2', '-2'),
    ('-a', 'neg a', '-a'),
    ('--a', 'neg neg a', '--a'),
    ('a + b', 'add a b', 'a + b'),
    ('a - b', 'add a neg b', 'a - b'),
    ('a + -b', 'add a neg b', 'a - b'),
    ('a * b', 'mul a b', 'a * b'),
    ('a / b', 'mul a inv b', 'a / b'),
    ('a * (1 / b)', 'mul a inv b', 'a / b'),
    ('1 / a', 'inv a', '1 / a'),
    ('1.0 / a', 'inv a', '1 / a'),
    ('inv(a)', 'inv a', '1 / a'),
    ('1 * (1 / a)', 'mul 1 inv a', '1 * (1 / a)'),
    ('2 / a', 'mul 2 inv a', '2 / a'),
    ('a ** 2', 'square a', 'a ** 2'),
    ('a ** 2.0', 'square a', 'a ** 2'),
    ('a ** 3', 'mul square a a', 'a ** 2 * a'),
    ('a ** 4', 'square square a', '(a ** 2) ** 2'),
    ('a ** 0.5', 'sqrt a', 'sqrt(a)'),
    ('max_pool(a)', 'maxpool a', 'maxpool(a)'),
    ('min_pool(a)', 'minpool a', 'minpool(a)'),
    ('add(a, b)', 'add a b', 'a + b'),
    ('mul(a, neg(b))', 'mul a neg b', 'a * -b'),
    ('p\n  + y', 'add p y', 'p + y'),
    # read, and never written
    ('ln(a)', 'log a', 'log(a)'),
    ('arctan(a)', 'atan a', 'atan(a)'),
    ('sub(a, b)', 'add a neg b', 'a - b'),
    ('div(a, b)', 'mul a inv b', 'a / b'),
    ('div(1, a)', 'inv a', '1 / a'),
    ('pow(a, 2)', 'square a', 'a ** 2'),
    ('mul(y, ln(p))', 'mul y log p', 'y * log(p)'),
    ('a ^ 2', 'square a', 'a ** 2'),
    ('-a ^ 2', 'neg square a', '-a ** 2'),
    ('b + a ^ 2 * b', 'add b mul square a b', 'b + a ** 2 * b'),
    ('a ** 1', 'a', 'a'),
    ('a ** 5', 'mul square square a a', '(a ** 2) ** 2 * a'),
    ('a ** 6', 'square mul square a a', '(a ** 2 * a) ** 2'),
    ('a ** -1', 'inv a', '1 / a'),
    ('a ** -2', 'square inv a', '(1 / a) ** 2'),
    ('a ** -0.5', 'inv sqrt a', '1 / sqrt(a)'),
    ('a ** (1 / 2)', 'sqrt a', 'sqrt(a)'),
    ('exp(a) ** 1.5', 'exp mul 1.5 log add exp a 1e-12', 'exp(1.5 * log(exp(a) + 1e-12))'),
]
PRECEDENCE = [
    ('-p ** 2', 'neg square p', '-p ** 2'),
    ('(-p) ** 2', 'square neg p', '(-p) ** 2'),
    ('-p * y', 'mul neg p y', '-p * y'),
    ('-(p * y)', 'neg mul p y', '-(p * y)'),
    ('-p / y', 'mul neg p inv y', '-p / y'),
    ('-1 / p', 'mul neg 1 inv p', '-1 / p'),
    ('-(1 / p)', 'neg inv p', '-(1 / p)'),
    ('p - (y - 1)', 'add p neg add y neg 1', 'p - (y - 1)'),
    ('p - y - 1', 'add add p neg y neg 1', 'p - y - 1'),
    ('p + (y + 1)', 'add p add y 1', 'p + (y + 1)'),
    ('-(p + y)', 'neg add p y', '-(p + y)'),
    ('-p + y', 'add neg p y', '-p + y'),
    ('p / (y * 1)', 'mul p inv mul y 1', 'p / (y * 1)'),
    ('p / y * 1', 'mul mul p inv y 1', 'p / y * 1'),
    ('p / y / 1', 'mul mul p inv y inv 1', 'p / y / 1'),
    ('p * (y * 1)', 'mul p mul y 1', 'p * (y * 1)'),
    ('p * (y / 1)', 'mul p mul y inv 1', 'p * (y / 1)'),
    ('1 / p * y', 'mul inv p y', '1 / p * y'),
    ('1 / (p * y)', 'inv mul p y', '1 / (p * y)'),
    ('1 / p ** 2', 'inv square p', '1 / p ** 2'),
    ('(1 / p) ** 2', 'square inv p', '(1 / p) ** 2'),
    ('1 / -p', 'inv neg p', '1 / -p'),
    ('1 / (1 / p)', 'inv inv p', '1 / (1 / p)'),
    ('p * (1 / (1 / y))', 'mul p inv inv y', 'p / (1 / y)'),
    ('1 * p / y', 'mul mul 1 p inv y', '1 * p / y'),
    ('p * y ** 2', 'mul p square y', 'p * y ** 2'),
    ('(p * y) ** 2', 'square mul p y', '(p * y) ** 2'),
    ('p * (y + 1)', 'mul p add y 1', 'p * (y + 1)'),
    ('p + y * 1', 'add p mul y 1', 'p + y * 1'),
    ('p - -y', 'add p neg neg y', 'p - -y'),
]
PRINTED = {
    'p − y': 'p - y',
    'p – y': 'p - y',
    '−y × ln(p)': '-y * log(p)',
    'p · y ÷ p²': 'p * y / p ** 2',
    'abs(p ⋅ y)³': 'abs(p * y) ** 3',
}


@pytest.mark.parametrize(('text', 'nodes', 'written'), NOTATIONS + PRECEDENCE)
def test_reads_and_writes(text, nodes, written):
    tree = parse(text)
    assert tree == Tree(nodes.split())
    assert str(tree) == written
    assert parse(written) == tree


@pytest.mark.parametrize('text', PRINTED)
def test_reads_the_signs_of_print(text):
    assert parse(text) == parse(PRINTED[text])


@pytest.mark.parametrize('name', PRIMITIVES)
def test_every_operator_can_be_called_by_name(name):
    operands = ('p', 'y')[: PRIMITIVES[name].arity]
    assert parse(f'{name}({", ".join(operands)})') == Tree((name, *operands))


def test_only_the_given_inputs_may_stand_for_tensors():
    assert parse('q + 1').inputs == ('q',)
    assert parse('p + y', inputs=('p', 'y')).inputs == ('p', 'y')
    with pytest.raises(ExpressionError, match=r"Unknown input 'q' \(there are: p, y\)"):
        parse('p + q', inputs=('p', 'y'))


def test_text_may_be_long_and_deep():
    assert parse(' ' * (MAX_CHARACTERS - 1) + 'p') == Tree(('p',))
    text = 'exp(' * 80 + 'p' + ')' * 80
    assert parse(text).depth == 80
    assert str(parse(text)) == text


def test_an_operator_of_that_name_goes_before_a_spelling(monkeypatch):
    monkeypatch.setitem(ARITY, 'div', 1)
    monkeypatch.setitem(PRIMITIVES, 'div', PRIMITIVES['abs']._replace(name='div'))
    assert parse('div(p)') == Tree(('div', 'p'))


@pytest.mark.filterwarnings('ignore::SyntaxWarning')
def test_damaged_text_gives_a_tree_or_our_error_and_never_another(trees):
    """Characters of real expressions, cut, doubled and exchanged."""
    rng = random.Random(5)
    refused = 0
    for tree in trees[::2]:
        text = list(str(tree))
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(text))
            text[at] = rng.choice(['', text[at] * 2, *'()+-*/,.:=[]{}\'"#\\ \n0p1'])
        try:
            assert isinstance(parse(''.join(text)), Tree)
        except ExpressionError:
            refused += 1
    assert 100 < refused < len(trees[::2]) - 100  # both happen often


def test_reading_leaves_no_trace(capsys):
    modules = set(sys.modules)
    with pytest.raises(ExpressionError):
        parse('print(__import__("this"))')
    assert capsys.readouterr().out == ''
    assert set(sys.modules) == modules
