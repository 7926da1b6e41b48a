"""What a record says of its operator holds for its function."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmautoloss.expr.bounds import UNBOUNDED, Bounds
from mmautoloss.expr.operators import LOOKING_AROUND, OPERATORS

NUMBERS = [0.0, -0.0, 1e-30, -1e-30, -1e-12, 0.3, -0.7, 2.0, -5.0, 90.0, 1e30, -1e30, math.inf, -math.inf, math.nan]
GRADIENTS = [1.0, -0.25, 0.0, math.inf, math.nan]
UNARY = [name for name, operator in OPERATORS.items() if operator.primitive.arity == 1]


def as_map(*numbers: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(numbers, dtype=dtype).view(1, 1, 1, -1)


@pytest.mark.parametrize('name', [name for name in UNARY if name not in LOOKING_AROUND])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64], ids=str)
def test_derivatives_are_those_of_autograd(name: str, dtype: torch.dtype) -> None:
    """At ordinary and at extreme numbers."""
    x = torch.tensor(NUMBERS, dtype=dtype).repeat_interleave(len(GRADIENTS)).view(1, -1, 1, 1).requires_grad_()
    gradient = torch.tensor(GRADIENTS, dtype=dtype).repeat(len(NUMBERS)).view(1, -1, 1, 1)
    value = OPERATORS[name].primitive.function(x)
    (wanted,) = torch.autograd.grad(value, x, gradient)
    found = OPERATORS[name].derivatives[0](gradient, x.detach(), value.detach())
    ordinary = x.detach().abs() < 1e29  # 2 * (gradient * x) overflows later than gradient * (2 * x)
    torch.testing.assert_close(found[ordinary], wanted[ordinary], rtol=1e-6, atol=1e-7, equal_nan=True)
    both = found.isfinite() & wanted.isfinite()
    torch.testing.assert_close(found[both], wanted[both], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize('name', ['add', 'mul'])
def test_derivatives_of_two_operands(name: str) -> None:
    x, z, gradient = (torch.randn(1, 2, 1, 3).requires_grad_() for _ in range(3))
    value = OPERATORS[name].primitive.function(x, z)
    found = [each(gradient, x, z, value) for each in OPERATORS[name].derivatives]
    assert all(map(torch.equal, found, torch.autograd.grad(value, (x, z), gradient)))


def test_each_has_a_derivative_for_each_operand_or_looks_around() -> None:
    for name, operator in OPERATORS.items():
        wanted = 0 if name in LOOKING_AROUND else operator.primitive.arity
        assert (operator.primitive.name, len(operator.derivatives)) == (name, wanted)


@pytest.mark.parametrize('name', UNARY)
def test_on_a_number(name: str) -> None:
    """As float32 has it, where ``log(1)`` is 0."""
    operator = OPERATORS[name]
    for number in (-30.0, -1.0, -0.3, -1e-9, 0.0, 1e-13, 0.3, 1.0, 30.0):
        wanted = operator.primitive.function(as_map(number, dtype=torch.float32)).item()
        assert operator.on_number(number) == pytest.approx(wanted, rel=1e-5, abs=1e-30)
    assert operator.keeps_zero == (operator.primitive.function(as_map(0.0)).item() == 0)


@pytest.mark.parametrize('name', UNARY)
def test_signs(name: str) -> None:
    """``odd`` and ``not_negative`` are true of all operators of which they are said, and of no other."""
    operator, x = OPERATORS[name], torch.linspace(-3, 2, 120, dtype=torch.float64).view(2, 3, 4, 5)
    value, mirrored = operator.primitive.function(x), operator.primitive.function(-x)
    assert operator.odd == torch.equal(mirrored, -value)
    assert operator.not_negative == bool((value >= 0).all())


ARITHMETIC = ('add', 'mul', 'neg', 'abs', 'square', 'inv', 'exp')
RANGES = [Bounds(-2.0, 3.0), Bounds(0.0, 1.0), Bounds(-3.0, -0.5), Bounds(0.25, 0.5), Bounds(0.0, 0.0)]


@pytest.mark.parametrize('name', OPERATORS)
def test_bounds_and_slopes(name: str) -> None:
    """No value and no slope is beyond them; those of arithmetic are reached."""
    operator = OPERATORS[name]
    for first in RANGES:
        for ranges in [(first, second) for second in RANGES] if operator.primitive.arity == 2 else [(first,)]:
            operands = [as_map(*torch.linspace(*each, 41).tolist()).requires_grad_() for each in ranges]
            grid = torch.meshgrid(*(each.flatten() for each in operands), indexing='ij')
            value = operator.primitive.function(*(each.reshape(1, 1, 1, -1) for each in grid))
            bounds, slopes = operator.bounds(*ranges), operator.slopes(*ranges)
            slack = 1e-9 * (1 + float(value.detach().abs().max()))
            assert bounds.low - slack <= value.min() and value.max() <= bounds.high + slack
            if name in ARITHMETIC and bounds != UNBOUNDED:
                assert value.min() <= bounds.low + slack and bounds.high - slack <= value.max()
            for k, slope in enumerate(slopes):
                found = _steepest(operator.primitive.function, ranges, k)
                assert found <= slope * (1 + 1e-6) + 1e-30


def _steepest(function: Callable[..., Tensor], ranges: tuple[Bounds, ...], position: int) -> float:
    """The largest derivative over a grid, each point a map of its own."""
    axes = [torch.linspace(*each, 41, dtype=torch.float64) for each in ranges]
    grid = [each.reshape(-1, 1, 1, 1).requires_grad_() for each in torch.meshgrid(*axes, indexing='ij')]
    return float(torch.autograd.grad(function(*grid).sum(), grid[position])[0].abs().max())
