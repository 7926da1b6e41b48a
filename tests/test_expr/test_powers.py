"""Powers whose exponent is a number, against torch's."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import ExpressionError
from mmautoloss.expr import compile_tree, parse
from mmautoloss.losses import INPUT_KINDS, SearchedLoss

UNIT = {'p': (0.0, 1.0)}


@pytest.mark.parametrize('exponent', [*range(1, 65), *range(-64, 0), 0.5, -0.5, 1.5, 0.3, 2.5, 63.9, -0.7, -1.5])
def test_value_and_slope_are_those_of_the_power(exponent):
    p = torch.linspace(0.3, 0.99, 50, dtype=torch.float64).view(-1, 1, 1, 1).requires_grad_()
    found = compile_tree(parse(f'p ** {exponent}', ranges=UNIT))({'p': p})
    wanted = p**exponent
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=0)
    slopes = [torch.autograd.grad(value.sum(), p)[0] for value in (found, wanted)]
    torch.testing.assert_close(*slopes, rtol=1e-8, atol=0)


@pytest.mark.parametrize('text', ['abs(p - y) ** 1.5', '((p - y) ** 2) ** 0.75', '(abs(p) * abs(y)) ** 2.5'])
def test_a_base_that_is_zero_gives_zero(text):
    zero = torch.zeros(1, 1, 1, 1)
    assert compile_tree(parse(text))({'p': zero, 'y': zero}).item() < 1e-8


@pytest.mark.parametrize('inputs', INPUT_KINDS)
def test_broken_powers_are_for_what_is_never_negative(inputs):
    kind = INPUT_KINDS[inputs]
    name = kind.names[0]
    text = f'{name} ** 1.5 + abs({name} - {kind.names[1]}) ** 0.7'
    if kind.ranges.get(name, (-1, 1))[0] < 0:
        with pytest.raises(ExpressionError, match=rf'never negative.*but got {name}'):
            SearchedLoss(text, inputs=inputs)
    else:
        assert SearchedLoss(text, inputs=inputs).expression.startswith(f'exp(1.5 * log({name}))')


def test_one_less_a_probability_is_one():
    assert str(parse('(1 - p) ** 1.5 * p', ranges=UNIT)) == 'exp(1.5 * log(1 - p)) * p'
    with pytest.raises(ExpressionError, match='never negative'):
        parse('(0.9 - p) ** 1.5', ranges=UNIT)


def test_powers_of_powers_stay_small():
    with pytest.raises(ExpressionError, match='may have 400 nodes'):
        parse('(((p ** 63) ** 63) ** 63) ** 63')
