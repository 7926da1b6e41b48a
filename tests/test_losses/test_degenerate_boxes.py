"""IoU and GIoU of unusual boxes equal mmdet's; the one exception is stated."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip('mmdet.models', reason='compares with the losses of mmdet', exc_type=ImportError)
from mmdet.models.losses import GIoULoss, IoULoss

# prediction, target
PAIRS = {
    'equal': ([10, 10, 20, 30], [10, 10, 20, 30]),
    'equal and huge': ([0, 0, 9000, 9000], [0, 0, 9000, 9000]),
    'target inside': ([0, 0, 40, 40], [10, 10, 20, 30]),
    'prediction inside': ([12, 12, 18, 18], [10, 10, 20, 30]),
    'disjoint': ([50, 50, 60, 70], [10, 10, 20, 30]),
    'disjoint in x only': ([50, 12, 60, 28], [10, 10, 20, 30]),
    'far away': ([5000, 5000, 5001, 5001], [10, 10, 20, 30]),
    'prediction without width': ([15, 12, 15, 28], [10, 10, 20, 30]),
    'prediction a point': ([15, 15, 15, 15], [10, 10, 20, 30]),
    'prediction inverted': ([20, 30, 10, 10], [10, 10, 20, 30]),
    'prediction inverted in x': ([20, 10, 10, 30], [10, 10, 20, 30]),
    'prediction much inverted in x': ([200, 10, 10, 30], [10, 10, 20, 30]),
    'target without height': ([12, 12, 18, 28], [10, 20, 20, 20]),
    'target a point': ([12, 12, 18, 28], [15, 15, 15, 15]),
    'both the same point': ([15, 15, 15, 15], [15, 15, 15, 15]),
    'two points': ([15, 15, 15, 15], [25, 35, 25, 35]),
    'tiny target': ([10, 10, 11, 11], [10, 10, 10.01, 10.01]),
    'tiny overlap': ([19.9, 29.9, 40, 50], [10, 10, 20, 30]),
    'touching': ([20, 10, 30, 30], [10, 10, 20, 30]),
}
# mmdet bounds the IoU by 1e-6 from below: another value by 1e-6, and no slope where boxes touch
TOUCHING = {'touching', 'prediction without width'}


@pytest.mark.parametrize('precision', ['float64', 'float32'])
@pytest.mark.parametrize('name', PAIRS)
def test_giou(name, precision, zoo_loss, assert_same):
    pred, target = torch.tensor(PAIRS[name], dtype=getattr(torch, precision))[:, None]
    tol = 1e-7 if precision == 'float64' else 1e-4
    assert_same(zoo_loss('giou', 'area'), GIoULoss(), pred, target, tol=tol)


@pytest.mark.parametrize('name', sorted(PAIRS.keys() - TOUCHING))
def test_linear_iou(name, zoo_loss, assert_same):
    pred, target = torch.tensor(PAIRS[name], dtype=torch.float64)[:, None]
    assert_same(zoo_loss('iou', 'area'), IoULoss(mode='linear'), pred, target, tol=2e-6)


def test_linear_iou_has_a_slope_where_boxes_touch(zoo_loss):
    pred, target = torch.tensor(PAIRS['touching'], dtype=torch.float64)[:, None]
    pred.requires_grad_()
    ours, theirs = zoo_loss('iou', 'area')(pred, target), IoULoss(mode='linear')(pred, target)
    assert ours.item() == pytest.approx(theirs.item(), abs=2e-6)
    assert torch.autograd.grad(theirs, pred)[0].tolist() == [[0, 0, 0, 0]]
    (slope,) = torch.autograd.grad(ours, pred)
    assert slope[0, 0] > 0  # moving the left side left makes them overlap
    assert slope[0, 1:].tolist() == [0, 0, 0]


def test_all_pairs_in_one_call_with_some_weights(zoo_loss, assert_same):
    pred, target = torch.tensor(list(PAIRS.values()), dtype=torch.float64).unbind(1)
    weight = torch.linspace(0, 1, len(PAIRS), dtype=torch.float64)[:, None].repeat(1, 4)
    ours, theirs = zoo_loss('giou', 'area', loss_weight=3.0), GIoULoss(loss_weight=3.0)
    assert_same(ours, theirs, pred, target, weight, avg_factor=5, tol=1e-7)


def test_size_of_the_objects_does_not_matter(zoo_loss):
    """Ratios of areas are free of units, also at the ends of float32."""
    for scale in (1e-2, 1.0, 1e4):
        pred, target = scale * torch.tensor([[[0.0, 0, 10, 10]], [[5, 0, 15, 10]]])
        assert zoo_loss('iou', 'area')(pred, target).item() == pytest.approx(2 / 3, rel=1e-4)
        assert zoo_loss('giou', 'area')(pred, target).item() == pytest.approx(2 / 3, rel=1e-4)
