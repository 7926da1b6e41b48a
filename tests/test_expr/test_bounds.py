"""Bounds hold for what random expressions become, and tell poles and overflow."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import PRIMITIVES, Program, compile_tree, parse
from mmautoloss.expr.bounds import LEAVES, UNBOUNDED, bounds_of, gradients_of, values_of


def test_hold_for_random_expressions(trees):
    """Values and gradients of all sub-expressions, at the ends of [0, 1] and between."""
    p = torch.tensor([0.0, 1e-30, 1e-7, 0.2, 0.5, 0.9, 1 - 2**-24, 1.0], dtype=torch.float64)
    p, y = p.view(-1, 1, 1, 1).requires_grad_(), torch.zeros(8, 1, 1, 1, dtype=torch.float64)
    finite = 0
    for tree in trees:
        program = compile_tree(tree)
        bounds = values_of(program.steps)
        gradients = gradients_of(program.steps, bounds)
        if not bounds[-1].finite or not all(map(math.isfinite, gradients)):
            continue
        finite += 1
        values = list(values_at_all_steps(program, {'p': p, 'y': y}))
        for value, bound in zip(values, bounds, strict=True):
            slack = 1e-6 * (1 + bound.size)
            assert bound.low - slack <= value.min() and value.max() <= bound.high + slack
        active = [(value, bound) for value, bound in zip(values, gradients, strict=True) if value.requires_grad]
        if values[-1].requires_grad:
            slopes = torch.autograd.grad(values[-1].sum(), [value for value, _ in active], allow_unused=True)
            for slope, (_, bound) in zip(slopes, active, strict=True):
                assert slope is None or slope.abs().max() <= bound * (1 + 1e-6)
    assert finite > len(trees) / 3


def values_at_all_steps(program: Program, inputs: dict[str, Tensor]) -> Iterator[Tensor]:
    values = []
    for node, operands in program.steps:
        if operands:
            values.append(PRIMITIVES[node].function(*(values[operand] for operand in operands)))
        else:
            values.append(
                inputs[node] if node in inputs else torch.full_like(inputs['y'], float(node)).requires_grad_()
            )
        yield values[-1]


@pytest.mark.parametrize('text', ['1 / (p - y)', 'exp(exp(exp(10 * p)))', 'exp(1 / p)', '1e300 * p'])
def test_tell_what_may_not_be_finite(text):
    assert not values_of(compile_tree(parse(text)).steps)[-1].finite


@pytest.mark.parametrize(
    'text', ['(1 / (p * y)) ** 3', '1 / (1e-9 / (p * y)) ** 2', 'mean_nhw((1 / (p * y)) ** 2) / 1e9']
)
def test_tell_where_a_gradient_may_not_be_finite(text):
    steps = compile_tree(parse(text)).steps
    assert gradients_of(steps, values_of(steps))[steps.index(('p', ()))] == math.inf


def test_an_operator_without_bounds_is_unbounded():
    assert bounds_of('softplus', LEAVES['p']) == UNBOUNDED, 'one of a user'
    assert bounds_of('maxpool', LEAVES['p']) == LEAVES['p']
