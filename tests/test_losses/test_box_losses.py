"""L1, smooth L1, MSE, IoU and GIoU equal mmdet's, in value and gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip('mmdet.models', reason='compares with the losses of mmdet', exc_type=ImportError)
from mmdet.models.losses import GIoULoss, IoULoss, L1Loss, MSELoss, SmoothL1Loss

ROWS = 40
CALLS: dict[str, dict[str, Any]] = {
    'avg_factor': {'avg_factor': 7},
    'avg_factor as tensor': {'avg_factor': torch.tensor(3.5)},
    'sum': {'reduction_override': 'sum'},
    'none': {'reduction_override': 'none'},
    'none with avg_factor': {'reduction_override': 'none', 'avg_factor': 7},
}
WEIGHTS = {
    'no weights': lambda generator: None,
    'zeros and ones': lambda generator: torch.randint(0, 2, (ROWS, 1), generator=generator),
    'real weights': lambda generator: torch.rand(ROWS, 1, generator=generator) + 0.1,
    'all zero': lambda generator: torch.zeros(ROWS, 1),
}
PRECISION = {'float64': (torch.float64, 1e-8), 'float32': (torch.float32, 2e-5)}
LOSSES = {
    'l1': ('delta', L1Loss(loss_weight=2.5)),
    'smooth_l1': ('delta', SmoothL1Loss(loss_weight=2.5)),
    'mse': ('delta', MSELoss(loss_weight=2.5)),
    'iou': ('area', IoULoss(mode='linear', loss_weight=2.5)),
    'giou': ('area', GIoULoss(loss_weight=2.5)),
}


def boxes(count: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 60
    size = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 60 + 1
    return torch.cat([corner, corner + size], dim=1)


def overlapping(kind: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Predictions and targets; boxes with an overlap, since IoU without one is a special case."""
    target = boxes(ROWS, seed=1)
    shift = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    if kind == 'area':
        sides = (target[:, 2:] - target[:, :2]).repeat(1, 2)
        return (target + 0.15 * sides * shift.clamp(-2, 2)).to(dtype), target.to(dtype)
    return (2 * shift).to(dtype), shift.flip(0).to(dtype)


@pytest.mark.parametrize('precision', PRECISION)
@pytest.mark.parametrize('call', CALLS)
@pytest.mark.parametrize('name', LOSSES)
def test_equal(name, call, precision, zoo_loss, assert_same):
    kind, theirs = LOSSES[name]
    dtype, tol = PRECISION[precision]
    pred, target = overlapping(kind, dtype)
    ours = zoo_loss(name, kind, loss_weight=2.5)
    for case, draw in WEIGHTS.items():
        weight = draw(torch.Generator().manual_seed(3))
        weight = None if weight is None else weight.to(dtype).repeat(1, 4)
        assert_same(ours, theirs, pred, target, weight, tol=tol, case=case, **CALLS[call])


@pytest.mark.parametrize('name', ['l1', 'smooth_l1', 'mse'])
def test_weights_of_elements(name, zoo_loss, assert_same):
    pred, target = overlapping('delta', torch.float64)
    weights = torch.randint(0, 3, (ROWS, 4), generator=torch.Generator().manual_seed(4)).double()
    ours, theirs = zoo_loss(name, 'delta', loss_weight=2.5), LOSSES[name][1]
    assert_same(ours, theirs, pred, target, weights, avg_factor=7, tol=1e-8)


@pytest.mark.parametrize('name', ['iou', 'giou'])
def test_weights_of_boxes(name, zoo_loss, assert_same):
    """One weight a box, or four of which the mean counts."""
    pred, target = overlapping('area', torch.float64)
    weights = torch.rand(ROWS, 4, generator=torch.Generator().manual_seed(4)).double()
    ours, theirs = zoo_loss(name, 'area', loss_weight=2.5), LOSSES[name][1]
    assert_same(ours, theirs, pred, target, weights[:, 0], avg_factor=7, tol=1e-8)
    assert_same(ours, theirs, pred, target, weights, avg_factor=7, tol=1e-8)


@pytest.mark.parametrize('name', ['iou', 'giou'])
def test_mean_over_the_boxes_without_avg_factor(name, zoo_loss, assert_same):
    pred, target = overlapping('area', torch.float64)
    assert_same(zoo_loss(name, 'area', loss_weight=2.5), LOSSES[name][1], pred, target, tol=1e-8)


@pytest.mark.parametrize('name', ['l1', 'smooth_l1', 'mse'])
def test_sum_over_channels_where_mmdet_takes_their_mean(name, zoo_loss):
    """By definition: without ``avg_factor`` mmdet averages over rows and channels."""
    pred, target = overlapping('delta', torch.float64)
    ours, theirs = zoo_loss(name, 'delta', loss_weight=2.5), LOSSES[name][1]
    torch.testing.assert_close(ours(pred, target), 4 * theirs(pred, target))


@pytest.mark.parametrize('name', ['l1', 'smooth_l1', 'mse'])
def test_kinks(name, zoo_loss, assert_same):
    """No difference, and the border between the two parts of smooth L1."""
    pred = torch.tensor([[0.0, 1, -1, 5], [0, 0, 0, 0]], dtype=torch.float64)
    ours, theirs = zoo_loss(name, 'delta', loss_weight=2.5), LOSSES[name][1]
    assert_same(ours, theirs, pred, torch.zeros_like(pred), avg_factor=2, tol=1e-12)


@pytest.mark.parametrize('name', LOSSES)
def test_no_rows(name, zoo_loss):
    """The value is mmdet's; that of ours is part of the graph, which mmdet's IoU losses leave."""
    kind, theirs = LOSSES[name]
    empty = torch.zeros(0, 4, dtype=torch.float64, requires_grad=True)
    for weights in (None, torch.zeros(0, 4)):
        ours = zoo_loss(name, kind)(empty, empty.detach(), weights, avg_factor=7)
        assert ours.item() == theirs(empty, empty.detach(), weights, avg_factor=7).item() == 0
        assert torch.autograd.grad(ours, empty)[0].shape == (0, 4)
