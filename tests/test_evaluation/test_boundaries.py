"""Where boundaries are, and how near is near enough."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d, one_hot

from mmautoloss.evaluation import boundary, segmentation_scores
from mmautoloss.evaluation.boundary import count_band, dilate
from mmautoloss.evaluation.label_maps import check_label_maps


def step(edge: int, width: int = 24) -> Tensor:
    """Class 1 from column ``edge`` on, class 0 before, (1, 6, width)."""
    return (torch.arange(width) >= edge).long().expand(1, 6, width)


def pool(maps: Tensor, radius: int) -> Tensor:
    return max_pool2d(maps.float(), 2 * radius + 1, stride=1, padding=radius)


@pytest.mark.parametrize('radius', [0, 1, 2, 5, 40])
def test_dilation_is_max_pooling(radius):
    mask = torch.rand(2, 3, 9, 14, generator=torch.Generator().manual_seed(radius)) > 0.9
    padded = torch.nn.functional.pad(mask, [radius] * 4)
    wanted = max_pool2d(padded.float(), 2 * radius + 1, stride=1) > 0
    assert torch.equal(dilate(mask, radius), wanted)


def test_band_is_max_pool_minus_min_pool(make_maps):
    _, target = make_maps(0, shape=(2, 15, 12), ignored=0)
    hot = one_hot(target, 4).permute(0, 3, 1, 2)
    band = pool(hot, 2) + pool(-hot, 2)
    everywhere = count_band(check_label_maps(target, target, 4), 2)[
        :, 1
    ]  # prediction = target: the union is the class
    assert torch.equal(everywhere, (band * hot).sum(dim=(2, 3)).long())


@pytest.mark.parametrize('tolerance', [0, 1, 2, 3])
@pytest.mark.parametrize('shift', [-3, -1, 0, 2, 4])
def test_a_shifted_boundary_matches_within_the_tolerance(shift, tolerance):
    scores = segmentation_scores(step(10 + shift), step(10), 2, names=['BF1'], tolerance=tolerance)
    assert scores['BF1'] == (1.0 if abs(shift) <= tolerance else 0.0)


@pytest.mark.parametrize('shift', [0, 1, 2])
def test_band_sees_only_its_surroundings(shift):
    """Of 2 * 3 columns around the edge class 0 keeps its three and gets ``shift`` more, class 1 loses as many."""
    pred = step(10 + shift).clone()
    pred[..., 20:] = 0  # far from the edge: for mIoU alone
    scores = segmentation_scores(pred, step(10), 2, names=['BIoU', 'mIoU'], band=3)
    assert scores['BIoU'] == pytest.approx((3 / (3 + shift) + (3 - shift) / 3) / 2)
    assert scores['mIoU'] < 0.75


@pytest.mark.parametrize('pred', [step(10), step(0), step(20)])
def test_the_border_of_the_image_is_no_boundary(pred):
    scores = segmentation_scores(pred, step(0), 2)
    assert math.isnan(scores['BIoU']) and math.isnan(scores['BF1'])
    assert scores['gAcc'] == pytest.approx(pred.double().mean().item())


def test_an_ignored_stripe_makes_no_boundary():
    target = step(10).clone()
    target[..., 8:12] = 255  # wider than the band
    scores = segmentation_scores(step(10), target, 2)
    assert math.isnan(scores['BIoU']) and math.isnan(scores['BF1'])
    assert scores['mIoU'] == 1


def test_an_unpredicted_boundary_counts_as_zero():
    """Class 2 has a boundary in the target and none in the prediction; class 3 is only predicted, and left out."""
    target, pred = step(10).clone(), step(10).clone()
    target[:, :2, 20:], pred[:, 4:, 2:5] = 2, 3
    scores = segmentation_scores(pred, target, 5, names=['BF1'], tolerance=24)
    assert scores['BF1'] == 2 / 3  # everything is near enough: 1 for classes 0 and 1


def test_classes_in_chunks_give_the_same(make_maps, monkeypatch):
    pred, target = make_maps(1, classes=11, shape=(2, 20, 20))
    wanted = segmentation_scores(pred, target, 11)
    monkeypatch.setattr(boundary, '_MAX_ELEMENTS', 2 * pred.numel() + 1)
    assert segmentation_scores(pred, target, 11) == wanted
