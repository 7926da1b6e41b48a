"""What the protections do at 0 and at the ends of the number range, as one table.

NaN and Inf stay visible: the screens stop a candidate by them, so none is ever replaced.
"""

from __future__ import annotations

import math

import pytest
import torch

from mmautoloss.expr import PRIMITIVES

INF = math.inf
NAN = math.nan
# float32; columns: operator, input, value, gradient
TABLE = [
    ('abs', 0.0, 0.0, 0.0),
    ('abs', -2.0, 2.0, -1.0),
    ('inv', 0.0, 1e12, -1e24),
    ('inv', 1e-30, 1e12, -1e24),
    ('inv', -1e-12, INF, -INF),  # the pole: eps does not guard the negative side
    ('inv', -2.0, -0.5, -0.25),
    ('inv', 1e30, 1e-30, 0.0),  # 1e-60 is below float32
    ('log', 0.0, 0.0, 0.0),
    ('log', 1e-30, math.log(1e-12), 1e12),
    ('log', -1e-30, -math.log(1e-12), 1e12),
    ('log', -2.0, -math.log(2), 0.5),
    ('log', 1e30, math.log(1e30), 1e-30),
    ('exp', 0.0, 1.0, 1.0),
    ('exp', -1e30, 0.0, 0.0),
    ('exp', 89.0, INF, INF),
    ('exp', 1e30, INF, INF),
    ('tanh', 0.0, 0.0, 1.0),
    ('tanh', -1e30, -1.0, 0.0),
    ('tanh', 1e30, 1.0, 0.0),
    ('square', 0.0, 0.0, 0.0),
    ('square', -2.0, 4.0, -4.0),
    ('square', 1e-30, 0.0, 2e-30),
    ('square', 1e30, INF, 2e30),
    ('sqrt', 0.0, 0.0, 0.0),
    ('sqrt', 1e-30, 1e-6, 0.5e6),
    ('sqrt', -1e-30, -1e-6, 0.5e6),
    ('sqrt', -4.0, -2.0, 0.25),
    ('sqrt', 1e30, 1e15, 0.5e-15),
]
UNARY = [name for name in PRIMITIVES if PRIMITIVES[name].arity == 1]


def value_and_gradient(name: str, number: float, dtype: torch.dtype) -> tuple[float, float]:
    x = torch.full((1, 1, 1, 1), number, dtype=dtype, requires_grad=True)
    value = PRIMITIVES[name].function(x)
    (gradient,) = torch.autograd.grad(value.sum(), x)
    return value.item(), gradient.item()


@pytest.mark.parametrize(('name', 'number', 'value', 'gradient'), TABLE)
def test_float32(name, number, value, gradient):
    found = value_and_gradient(name, number, torch.float32)
    assert found == pytest.approx((value, gradient), rel=1e-5, abs=1e-38)


def test_float64_reaches_further_than_float32():
    assert value_and_gradient('square', 1e30, torch.float64)[0] == pytest.approx(1e60)
    assert value_and_gradient('exp', 89.0, torch.float64)[0] == pytest.approx(math.exp(89))


@pytest.mark.parametrize('number', [0.0, -1.0, 1e-30, -1e-30])
@pytest.mark.parametrize('name', UNARY)
def test_finite_at_ordinary_and_tiny_numbers(name, number):
    assert all(map(math.isfinite, value_and_gradient(name, number, torch.float32)))


@pytest.mark.parametrize('shape', [(1, 1, 1, 1), (1, 1, 3, 3)], ids=['one cell', 'a map'])
@pytest.mark.parametrize('name', PRIMITIVES)
def test_nan_is_kept(name, shape):
    x = torch.ones(shape)
    x[..., 0, 0] = NAN
    found = PRIMITIVES[name].function(*[x] * PRIMITIVES[name].arity)
    assert found[..., 0, 0].isnan().all()


INFINITE = {'mul': -INF, **dict.fromkeys(['add', 'abs', 'square', 'exp', 'log', 'sqrt'], INF)}
INFINITE |= dict.fromkeys(['mean_nhw', 'mean_c', 'maxpool', 'minpool'], INF)


@pytest.mark.parametrize(('name', 'number'), INFINITE.items())
def test_infinity_is_kept(name, number):
    x = torch.full((1, 1, 1, 1), number)
    found = PRIMITIVES[name].function(*[x] * PRIMITIVES[name].arity)
    assert found.isinf().all()


def test_one_nan_cell_poisons_its_window_only():
    x = torch.zeros(1, 1, 1, 5)
    x[..., 0] = NAN
    for name in ('maxpool', 'minpool'):
        assert PRIMITIVES[name].function(x)[0, 0, 0].isnan().tolist() == [True, True] + [False] * 3
