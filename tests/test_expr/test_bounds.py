"""Bounds hold for what random expressions become, and tell poles and overflow."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.expr import PRIMITIVES, compile_tree, parse
from mmautoloss.expr.bounds import PROBABILITY, TARGET, UNBOUNDED, Bounds, bounds_of
from mmautoloss.expr.tree import is_number


def bounds(text: str) -> Bounds:
    found = []
    for node, operands in compile_tree(parse(text) if isinstance(text, str) else text).steps:
        if operands:
            found.append(bounds_of(node, *(found[operand] for operand in operands)))
        else:
            number = Bounds(float(node), float(node), 0.0) if is_number(node) else None
            found.append(number or {'p': PROBABILITY, 'y': TARGET}[node])
    return found[-1]


def test_hold_for_random_expressions(trees):
    """Values and slopes, at the ends of [0, 1] and between."""
    p = torch.tensor([0.0, 1e-30, 1e-7, 0.2, 0.5, 0.9, 1 - 2**-24, 1.0], dtype=torch.float64)
    p, y = p.view(-1, 1, 1, 1).requires_grad_(), torch.zeros(8, 1, 1, 1, dtype=torch.float64)
    finite = 0
    for tree in trees:
        bound = bounds(tree)
        if not bound.finite:
            continue
        finite += 1
        value = compile_tree(tree)({'p': p, 'y': y})
        assert bound.low - 1e-6 * (1 + bound.size) <= value.min() and value.max() <= bound.high + 1e-6 * (
            1 + bound.size
        )
        if value.requires_grad:
            slopes = torch.stack([torch.autograd.grad(v, p, retain_graph=True)[0] for v in value.flatten()])
            assert slopes.abs().max() <= bound.slope * (1 + 1e-6)
    assert finite > len(trees) / 3


@pytest.mark.parametrize('text', ['1 / (p - y)', 'exp(exp(exp(10 * p)))', 'exp(1 / p)', '1e300 * p', 'maxpool(p)'])
def test_tell_what_may_not_be_finite(text):
    assert not bounds(text).finite


def test_an_operator_without_bounds_is_unbounded():
    assert bounds_of('maxpool', PROBABILITY) == UNBOUNDED
    assert {'maxpool', 'minpool'} <= set(PRIMITIVES)
