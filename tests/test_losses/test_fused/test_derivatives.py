"""The derivatives are those of autograd at ordinary and at extreme numbers."""

from __future__ import annotations

import math

import pytest
import torch

from mmautoloss.expr import PRIMITIVES
from mmautoloss.expr.operators import OPERATORS

DERIVATIVES = {
    name: each.derivatives[0] for name, each in OPERATORS.items() if each.derivatives and each.primitive.arity == 1
}

NUMBERS = [0.0, -0.0, 1e-30, -1e-30, -1e-12, 0.3, -0.7, 2.0, -5.0, 90.0, 1e30, -1e30, math.inf, -math.inf, math.nan]
GRADIENTS = [1.0, -0.25, 0.0, math.inf, math.nan]


@pytest.mark.parametrize('name', DERIVATIVES)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64], ids=str)
def test_are_those_of_autograd(name, dtype):
    x = torch.tensor(NUMBERS, dtype=dtype).repeat_interleave(len(GRADIENTS)).view(1, -1, 1, 1).requires_grad_()
    gradient = torch.tensor(GRADIENTS, dtype=dtype).repeat(len(NUMBERS)).view(1, -1, 1, 1)
    value = PRIMITIVES[name].function(x)
    (wanted,) = torch.autograd.grad(value, x, gradient)
    found = DERIVATIVES[name](gradient, x.detach(), value.detach())
    ordinary = x.detach().abs() < 1e29  # 2 * (gradient * x) overflows later than gradient * (2 * x)
    torch.testing.assert_close(found[ordinary], wanted[ordinary], rtol=1e-6, atol=1e-7, equal_nan=True)
    both = found.isfinite() & wanted.isfinite()
    torch.testing.assert_close(found[both], wanted[both], rtol=1e-6, atol=1e-7)


def test_every_operator_of_one_element_has_one():
    around = {'mean_nhw', 'mean_c', 'maxpool', 'minpool'}
    assert set(DERIVATIVES) == {name for name in PRIMITIVES if PRIMITIVES[name].arity == 1} - around
