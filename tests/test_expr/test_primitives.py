"""Every operator against a slow and clear reference in numpy, value and gradient."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from mmautoloss.expr import EPS, PRIMITIVES

Array = np.ndarray


def pool(x: Array, best: Callable[[Array], float]) -> Array:
    """3x3 window, stride 1, cut off at the border."""
    result = np.empty_like(x)
    for n, c, h, w in np.ndindex(x.shape):
        result[n, c, h, w] = best(x[n, c, max(h - 1, 0) : h + 2, max(w - 1, 0) : w + 2])
    return result


def mean_nhw(x: Array) -> Array:
    """One mean a channel, in every cell."""
    result = np.empty_like(x)
    for c in range(x.shape[1]):
        result[:, c] = sum(x[:, c].ravel()) / x[:, c].size
    return result


def mean_c(x: Array) -> Array:
    """One mean a pixel, in every channel."""
    result = np.empty_like(x)
    for n, h, w in np.ndindex(x[:, 0].shape):
        result[n, :, h, w] = sum(x[n, :, h, w]) / x.shape[1]
    return result


REFERENCES: dict[str, Callable[..., Array]] = {
    'add': lambda x, z: x + z,
    'mul': lambda x, z: x * z,
    'neg': lambda x: -x,
    'abs': lambda x: np.where(x < 0, -x, x),
    'inv': lambda x: 1 / (x + EPS),
    'log': lambda x: np.where(x < 0, -1, 1) * np.log(np.abs(x) + EPS),
    'exp': lambda x: np.e**x,
    'tanh': lambda x: 1 - 2 / (np.e ** (2 * x) + 1),
    'square': lambda x: x * x,
    'sqrt': lambda x: np.where(x < 0, -1, 1) * (np.abs(x) + EPS) ** 0.5,
    'mean_nhw': mean_nhw,
    'mean_c': mean_c,
    'maxpool': lambda x: pool(x, np.max),
    'minpool': lambda x: pool(x, np.min),
    'sin': np.sin,
    'erf': np.vectorize(math.erf),
    'atan': np.arctan,
}
SHAPES = [(2, 3, 4, 5), (3, 2, 1, 1), (1, 1, 1, 6), (1, 2, 2, 2)]


def sample(name: str, shape: tuple[int, ...]) -> list[torch.Tensor]:
    """Operands of both signs, all at least 0.1 apart from 0 and, for pools, from each other."""
    generator = torch.Generator().manual_seed(sum(shape))
    operands = []
    for _ in range(PRIMITIVES[name].arity):
        order = torch.randperm(int(np.prod(shape)), generator=generator).double()
        x = (order - order.mean() + 0.25) / 10
        operands.append(x.reshape(shape).requires_grad_())
    return operands


def test_the_table_is_complete():
    assert set(PRIMITIVES) == set(REFERENCES)
    assert all(PRIMITIVES[name].name == name for name in PRIMITIVES)


@pytest.mark.parametrize('shape', SHAPES, ids=str)
@pytest.mark.parametrize('name', REFERENCES)
def test_value(name, shape):
    operands = sample(name, shape)
    wanted = REFERENCES[name](*(operand.detach().numpy() for operand in operands))
    found = PRIMITIVES[name].function(*operands)
    assert found.shape == shape
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize('shape', [(2, 2, 2, 3), (3, 2, 1, 1)], ids=str)
@pytest.mark.parametrize('name', REFERENCES)
def test_gradient(name, shape):
    assert torch.autograd.gradcheck(PRIMITIVES[name].function, sample(name, shape), eps=1e-6)


@pytest.mark.parametrize(('name', 'sign'), [('maxpool', 1), ('minpool', -1)])
def test_pools_ignore_what_is_outside(name, sign):
    """The border is no 0 and no infinity."""
    x = torch.full((1, 1, 3, 3), -5.0 * sign)
    assert torch.equal(PRIMITIVES[name].function(x), x)


@pytest.mark.parametrize('name', ['mean_nhw', 'mean_c'])
def test_means_are_copied_back_and_share_their_gradient(name):
    x = torch.arange(12.0).reshape(2, 3, 1, 2).requires_grad_()
    mean = PRIMITIVES[name].function(x)
    over = (0, 2, 3) if name == 'mean_nhw' else (1,)
    assert torch.equal(mean, mean.mean(dim=over, keepdim=True).expand_as(mean))
    mean.sum().backward()
    torch.testing.assert_close(x.grad, torch.ones_like(x))
