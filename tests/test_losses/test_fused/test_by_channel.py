"""Means where it differs from channel to channel what counts: keypoints that are not seen, weights of every element."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, parse, random_tree
from mmautoloss.losses import input_kind
from mmautoloss.losses.definition import Call, plain_total
from mmautoloss.losses.fused import blocks as blocks_module
from mmautoloss.losses.fused import fused_total

CALLS = {
    'keypoints': ('heatmap', (3, 4, 1, 1)),
    'elements': ('sigmoid', (3, 4, 5, 2)),
    'pixels': ('sigmoid', (3, 1, 5, 2)),
}
NESTED = ('mean_c(mean_c(p) ** 2)', 'mean_c(mean_c(p) * p) / (2 + tanh(mean_nhw(mean_c(p * y))))')


def call_of(calls: str, tree: Tree) -> tuple[Tensor, Call]:
    kind, shape = CALLS[calls]
    valid = torch.rand(shape) > 0.4
    valid[1, :, :1, :1] = False  # no channel counts there
    weight = torch.rand(3, 4, 1, 1, dtype=torch.float64)
    pred = torch.randn(3, 4, 5, 2, dtype=torch.float64, requires_grad=True)
    return pred, Call(tree, input_kind(kind), torch.rand(3, 4, 5, 2).double(), weight, None, valid)


def of_means(count: int) -> list[Tree]:
    """Random expressions in which half of the operators of one operand are means."""
    rng, found = random.Random(5), []
    while len(found) < count:
        nodes = random_tree(rng, ('p', 'y'), depth=4).nodes
        unary = ('neg', 'abs', 'inv', 'exp', 'maxpool', 'minpool', 'log', 'sqrt')
        nodes = [rng.choice(('mean_c', 'mean_nhw', 'tanh')) if node in unary else node for node in nodes]
        if 'p' in nodes and nodes.count('mean_c') > 1:
            found.append(Tree(nodes))
    return found


@pytest.fixture(params=['at once', 'blocks'])
def cut(request, monkeypatch) -> None:
    monkeypatch.setattr(blocks_module, 'TINY', 0)
    if request.param == 'blocks':
        monkeypatch.setattr(blocks_module, 'SMALL', 1)
        monkeypatch.setattr(blocks_module, 'ELEMENTS', {'cpu': 8})


@pytest.mark.parametrize('calls', CALLS)
def test_gradients_of_nested_means(calls, cut):
    for tree in [*map(parse, NESTED), *of_means(150)]:
        pred, call = call_of(calls, tree)
        wanted, found = plain_total(pred, call), fused_total(pred, call)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-12, msg=str(tree))
        if wanted.requires_grad:
            slope, gradient = (torch.autograd.grad(value, pred)[0] for value in (wanted, found))
            torch.testing.assert_close(gradient, slope, rtol=1e-9, atol=1e-12, msg=str(tree))


@pytest.mark.parametrize('calls', CALLS)
def test_gradcheck(calls, cut):
    pred, call = call_of(calls, parse(NESTED[0]))
    assert torch.autograd.gradcheck(lambda x: fused_total(x, call), pred)


def test_gradcheck_compiled(monkeypatch):
    monkeypatch.setattr(blocks_module, 'TINY', 0)
    pred, call = call_of('keypoints', parse(NESTED[0]))
    assert torch.autograd.gradcheck(lambda x: fused_total(x, call, compiled=True), pred)
