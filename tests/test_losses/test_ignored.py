"""What does not count changes nothing, not even by NaN; what counts is never hidden. In all ways to compute a loss."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, mutate, parse, random_tree
from mmautoloss.losses import LossGraph, SearchedLoss, input_kind
from mmautoloss.losses.definition import Call, plain_total, plain_values
from mmautoloss.losses.fused import fused_total

STRANGE = (float('nan'), float('inf'), -float('inf'), 1e30)
MASKS = {'pixels': (3, 1, 5, 4), 'elements': (3, 4, 5, 4), 'keypoints': (3, 4, 1, 1)}
CALLS = [('softmax', 'pixels'), ('sigmoid', 'pixels'), ('sigmoid', 'elements'), ('heatmap', 'keypoints')]
LEAKS = (
    'mean_nhw(p) * exp(exp(1 / p))',
    'mean_c(p) / (exp(exp(1 / p)))',
    'maxpool(p * exp(exp(1 / p)))',
    'log(p) * mean_nhw(p)',
)


def graphs(count: int, seed: int = 3) -> list[Tree]:
    """Random expressions that look around and overflow."""
    rng, found = random.Random(seed), [parse(text) for text in LEAKS]
    while len(found) < count:
        tree = random_tree(rng, ('p', 'y'), depth=2 + len(found) % 3)
        for _ in range(rng.randrange(4)):
            tree, _ = mutate(tree, rng, ('p', 'y'), max_nodes=25)
        found.append(tree)
    return found


def call_of(kind: str, mask: str, tree: Tree, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Call]:
    shape = (3, 4, 5, 4)
    valid = torch.rand(MASKS[mask]) > 0.4
    target = torch.randint(4, (3, 5, 4)) if kind == 'softmax' else torch.rand(shape, dtype=dtype)
    weight = torch.rand(3, 1, 5, 4, dtype=dtype)
    return torch.randn(shape, dtype=dtype), Call(tree, input_kind(kind), target, weight, None, valid)


def spoilt(pred: Tensor, call: Call) -> tuple[Tensor, Call]:
    """The same call with anything where nothing counts: predictions, targets and weights."""
    valid = call.valid.expand_as(pred)
    anything = torch.tensor(STRANGE, dtype=pred.dtype)[torch.randint(len(STRANGE), pred.shape)]
    target, weight = call.target, call.weight
    if target.dim() == 4:
        target = torch.where(valid, target, anything.flip(0))
    if call.valid.shape[1] == 1:
        weight = torch.where(call.valid, weight, anything[:, :1])
    return torch.where(valid, pred, anything), call._replace(target=target, weight=weight)


def no_reduction(pred: Tensor, call: Call) -> Tensor:
    return (plain_values(pred, call).sum(dim=1) * torch.arange(1.0, 5.0)).sum()


WAYS = {'plain': plain_total, 'none': no_reduction, 'fused': fused_total}


def both(way: Callable[..., Tensor], pred: Tensor, call: Call) -> tuple[Tensor, Tensor]:
    pred = pred.clone().requires_grad_()
    value = way(pred, call)
    gradient = torch.autograd.grad(value, pred)[0] if value.requires_grad else torch.zeros_like(pred)
    return value.detach(), gradient


@pytest.mark.parametrize(('kind', 'mask'), CALLS)
def test_what_does_not_count_changes_nothing(kind, mask, cut):
    for tree in graphs(120):
        pred, call = call_of(kind, mask, tree)
        other, changed = spoilt(pred, call)
        for name, way in WAYS.items():
            if name == 'fused' or cut == 'tiny':
                wanted, found = both(way, pred, call), both(way, other, changed)
                torch.testing.assert_close(found, wanted, rtol=1e-9, atol=0, equal_nan=True, msg=f'{name}: {tree}')
                assert not found[1][~call.valid.expand_as(pred)].any(), f'{name}: {tree}'


@pytest.mark.parametrize(('kind', 'mask'), CALLS)
def test_nothing_that_counts_is_hidden(kind, mask, cut):
    """In float32, where much overflows: NaN and Inf of the definition show in the fused value or gradient, and no others."""
    hidden, finite = [], 0
    for tree in [parse('(1 / (p * y)) ** 3'), parse('y * (1 / (p * y)) ** 3'), *graphs(150, seed=9)]:
        pred, call = call_of(kind, mask, tree, torch.float32)
        clear = [
            all(bool(each.isfinite().all()) for each in both(way, pred, call)) for way in (plain_total, fused_total)
        ]
        finite += clear[0]
        hidden += [str(tree)] if clear[0] != clear[1] else []
    assert not hidden and finite > 50


@pytest.mark.parametrize('reduction', ['mean', 'sum', 'none'])
@pytest.mark.parametrize('text', ['-y * log(p)', 'mean_nhw(p) - y', 'maxpool(p * y)'])
def test_the_call_of_a_head(text, reduction):
    """With weights of 0 and ignored labels."""
    pred, target, weight = torch.randn(2, 3, 4, 5), torch.randint(3, (2, 4, 5)), torch.rand(2, 4, 5)
    target[0, :2], weight[1, 1] = 255, 0
    bad, heavy, nan = pred.clone(), weight.clone(), float('nan')
    bad[0, :, :2], bad[1, :, 1], heavy[0, :2] = nan, nan, nan
    loss = SearchedLoss(text, reduction=reduction, ignore_index=255)

    def total(x: Tensor, w: Tensor) -> Tensor:
        return loss(x, target, w).sum()

    torch.testing.assert_close(both(total, bad, heavy), both(total, pred, weight))


def test_tensors_of_a_graph():
    p, y, valid = torch.rand(1, 2, 2, 2), torch.rand(1, 2, 2, 2), torch.rand(1, 1, 2, 2) > 0.5
    valid[0, 0, 0] = torch.tensor([True, False])
    p = torch.where(valid, p, torch.nan).requires_grad_()
    elements = LossGraph('mean_c(p) * y + log(p)').elements({'p': p, 'y': y}, valid)
    (gradient,) = torch.autograd.grad(elements.sum(), p)
    assert elements.isfinite().all() and gradient.isfinite().all()
    assert not elements[~valid.expand_as(p)].any()
