"""PyTorch code has the values and the gradients of the graph that it was written from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmautoloss.expr import compile_tree
from mmautoloss.expr.forms import MASKED_TORCH, TORCH, looks_around
from tests.test_expr.test_forms.conftest import make_inputs, to_function


def value_and_gradient(function: Callable[..., Tensor], inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    p = inputs['p'].clone().requires_grad_()
    value = function(p, inputs['y'])
    gradient = torch.autograd.grad(value.sum() + 0 * p.sum(), p)[0]
    return value.detach(), gradient


def same(one: Tensor, other: Tensor, tolerance: float) -> bool:
    """As close as that, relative to the largest finite number, and Inf and NaN at the same places."""
    size = other[other.isfinite()].abs().max() if other.isfinite().any() else 0
    return one.shape == other.shape and torch.allclose(
        one, other, rtol=tolerance, atol=tolerance * size, equal_nan=True
    )


def test_value_and_gradient_are_those_of_the_graph(graphs_and_inputs):
    graphs, inputs = graphs_and_inputs
    for tree in graphs[::2]:
        program = compile_tree(tree)
        wanted = value_and_gradient(lambda p, y, program=program: program({'p': p, 'y': y}), inputs)
        found = value_and_gradient(to_function(tree, TORCH), inputs)
        assert torch.allclose(found[0], wanted[0], rtol=1e-15, atol=0, equal_nan=True), tree
        assert same(found[1], wanted[1], 1e-12), tree


def test_in_float32(graphs):
    """Constants are rounded and overflow as tensors do."""
    inputs = {name: tensor.float() for name, tensor in make_inputs(seams=False).items()}
    for tree in graphs[::5]:
        found, wanted = to_function(tree, TORCH)(**inputs), compile_tree(tree)(inputs)
        assert found.dtype == wanted.dtype and same(found, wanted, 1e-6), tree


def test_where_not_everything_counts(graphs):
    inputs = make_inputs(seams=False)
    valid = torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(5)) < 0.6
    for tree in [tree for tree in graphs if looks_around(tree)][::4]:
        program, code = compile_tree(tree), to_function(tree, MASKED_TORCH, 'p, y, valid')
        wanted = value_and_gradient(lambda p, y, f=program: f({'p': p, 'y': y}, valid).where(valid, 0), inputs)
        found = value_and_gradient(lambda p, y, f=code: f(p, y, valid).where(valid, 0), inputs)
        assert same(found[0], wanted[0], 1e-12) and same(found[1], wanted[1], 1e-12), tree
