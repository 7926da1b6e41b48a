"""Expressions with named numbers."""

from __future__ import annotations

import random

import pytest
import torch

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import Template, Tree, canonical, parse, random_tree
from mmautoloss.expr.holes import hole
from mmautoloss.expr.mutation import change_number
from mmautoloss.expr.template import Number
from mmautoloss.losses import LossGraph

MARGIN = '-y * log(p / ({a=0.5} * p + 1 - {a}))'


def with_numbers(rng: random.Random) -> Tree:
    """A random expression with a few numbers, also negative ones."""
    tree = random_tree(rng, ('p', 'y'), rng.randint(1, 5))
    for _ in range(rng.randint(0, 5)):
        tree = change_number(tree, rng, ('p', 'y'))
    return tree


def some_template(rng: random.Random) -> Template:
    """A template with holes anywhere, not only where ``Template.of`` makes them."""
    tree = with_numbers(rng)
    nodes, numbers = [], []
    for node in tree.nodes:
        if node[:1].isdigit() or (node in ('p', 'y') and rng.random() < 0.3):
            numbers.append(Number(f'n{len(numbers)}'))
            node = hole(numbers[-1].name)
        nodes.append(node)
    return Template(Tree(nodes), tuple(numbers))


def some_values(rng: random.Random, count: int) -> list[float]:
    return [rng.choice([0.0, 1.0, -1.0, rng.gauss(0, 3), rng.gauss(0, 1e-3)]) for _ in range(count)]


def test_a_text_says_names_starts_and_ranges() -> None:
    template = Template.parse('{a} * abs(p - y) + { b = -0.5 } * y + {c_2=1e-1, -1..2.5} * {a}', ('p', 'y'))
    assert template.numbers == (Number('a', 1.0), Number('b', -0.5), Number('c_2', 0.1, -1.0, 2.5))
    assert template.start == (1.0, -0.5, 0.1)
    assert Template.parse(str(template)) == template
    assert str(Template.parse(MARGIN)) == MARGIN


def test_numbers_are_filled_in_as_people_write_them() -> None:
    margin = Template.parse(MARGIN)
    assert str(margin.fill([-0.25])) == '-y * log(p / (-0.25 * p + 1 + 0.25))'
    assert str(margin.fill([0.123456789])) == '-y * log(p / (0.1235 * p + 1 - 0.1235))'
    factors = Template.parse('abs(p) + {a} * p * y - {b} * y')
    assert str(factors.fill([-2, -3])) == 'abs(p) - 2 * p * y + 3 * y'
    assert str(factors.fill([1e-9, 2e7])) == 'abs(p) + 0 * p * y - 1000000 * y'


def test_a_number_stays_in_its_range_when_it_is_rounded() -> None:
    template = Template.parse('{a=0.3, 0.123456..0.654321} * p + y')
    assert template.read(template.fill([0.0])) == (0.123456,)
    assert template.read(template.fill([9.0])) == (0.654321,)


def test_what_is_filled_in_is_read_back() -> None:
    rng = random.Random(3)
    for _ in range(600):
        template = some_template(rng) if rng.random() < 0.5 else Template.of(with_numbers(rng))
        values = some_values(rng, len(template.numbers))
        tree = template.fill(values)
        assert parse(str(tree)) == tree
        rounded = tuple(number.rounded(value) for number, value in zip(template.numbers, values, strict=True))
        assert template.read(tree) == rounded
        assert Template.parse(str(template)).tree == parse(str(template.tree))


def test_an_expression_of_another_form_is_not_read() -> None:
    margin = Template.parse(MARGIN)
    for text in ('-y * log(p)', '-y * log(p / (0.5 * p + 1 - 0.25))', '-y * log(p / (y * p + 1 - y))', '1'):
        assert margin.read(parse(text)) is None
    rng = random.Random(4)
    for _ in range(500):
        template, other = some_template(rng), with_numbers(rng)
        values = template.read(other)
        assert values is None or template.fill(values) == other


def test_an_expression_computes_what_its_template_says() -> None:
    rng, generator = random.Random(5), torch.Generator().manual_seed(5)
    p, y = torch.rand(2, 3, 2, 2, 2, generator=generator, dtype=torch.float64)
    compared = 0
    for _ in range(300):
        template = some_template(rng)
        values = some_values(rng, len(template.numbers))
        tree = template.fill(values)
        read = dict(zip((hole(number.name) for number in template.numbers), template.read(tree) or (), strict=True))
        inputs = {'p': p, 'y': y, **{name: torch.full_like(p, value) for name, value in read.items()}}
        expected = LossGraph(template.tree)(**{name: inputs[name] for name in template.tree.inputs})
        found = LossGraph(tree)(**{name: inputs[name] for name in tree.inputs}) if tree.inputs else expected
        if expected.isfinite() and expected.abs() < 1e6:
            assert torch.allclose(found, expected, rtol=1e-9, atol=1e-9), (str(template), str(tree))
            compared += bool(tree.inputs)
    assert compared > 150


def test_the_numbers_of_an_expression_begin_at_their_values() -> None:
    rng = random.Random(6)
    for _ in range(500):
        tree = with_numbers(rng)
        template = Template.of(tree)
        assert canonical(template.fill(template.start), {'p'}) == canonical(tree, {'p'})


@pytest.mark.parametrize(
    ('text', 'template'),
    [
        pytest.param('-y * log(p)', '-y * log(p)', id='nothing but a weight'),
        pytest.param('3 * (-y * log(p)) / 7', '3 * (-y * log(p)) / 7', id='weight'),
        pytest.param('1 - i / u', '1 - i / u', id='offset'),
        pytest.param('2 * -i / u + 5 + 3 * e', '2 * -i / u + 5 + {a1=3} * e', id='factor of a later part'),
        pytest.param(
            '-(y * log(p) + (1 - y) * log(1 - p))', '-(y * log(p) + {a1=1} * (1 - y) * log(1 - p))', id='bce'
        ),
        pytest.param('y * (1 - exp(0.7 * log(p))) / 0.7', 'y * (1 - exp({a1=0.7} * log(p))) / 0.7', id='gce'),
        pytest.param('abs(p - y) - y * p', 'abs(p - y) - {a1=1} * y * p', id='sign of an unwritten factor'),
        pytest.param('-y * log(p + 1e-12)', '-y * log(p + 1e-12)', id='protection'),
        pytest.param('log(p - 1) * log(2 + p)', 'log(p - 1) * log({a1=2} + p)', id='complement'),
        pytest.param(
            'y * (1 - p) * (1 + (1 - p) * (0.5 + (1 - p) / 3))',
            'y * (1 - p) * (1 + (1 - p) * ({a1=0.5} + (1 - p) / {a2=3}))',
            id='horner',
        ),
    ],
)
def test_numbers_that_matter(text: str, template: str) -> None:
    assert str(Template.of(parse(text))) == template


@pytest.mark.parametrize(
    ('text', 'error'),
    [
        pytest.param('{a', 'written {a}, {a=0.5} or', id='open'),
        pytest.param('{a=x} * p', 'written {a}, {a=0.5} or', id='no number'),
        pytest.param('{2} * p', 'written {a}, {a=0.5} or', id='no name'),
        pytest.param('{a=1} * p + {a=2}', 'where it stands first', id='twice'),
        pytest.param('number_a * p + {b}', 'must not begin with', id='mark'),
        pytest.param('p ** {q}', "The exponent '{q}' must be a number", id='exponent'),
        pytest.param('{a} * z', "Unknown input 'z'", id='input'),
        pytest.param('{a=3, 4..5} * p', '{a} must begin between 4 and 5, but got 3', id='start'),
        pytest.param('{a=3, 3..3} * p', 'two ends that differ', id='range'),
        pytest.param('{a=1, 1..1e9} * p', 'between -1e+06 and 1e+06, but got 1..1e+09', id='large'),
        pytest.param(7, 'must be text', id='type'),
    ],
)
def test_errors(text: str, error: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        Template.parse(text, ('p', 'y'))
    assert error in str(caught.value)


def test_numbers_must_be_those_of_the_tree() -> None:
    with pytest.raises(ExpressionError, match='must have the numbers of its tree'):
        Template(parse('p + y'), (Number('a'),))
    with pytest.raises(ExpressionError, match='has 1 numbers, but got 2 values'):
        Template.parse(MARGIN).fill([1, 2])
