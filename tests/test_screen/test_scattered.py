"""Scattered predictions: always the same ones, and always valid calls."""

from __future__ import annotations

import torch

from mmautoloss.losses import SearchedLoss
from mmautoloss.screen import Probe, Sample


def area_probe() -> Probe:
    corners = torch.rand(5000, 2, generator=torch.Generator().manual_seed(1)) * 50
    boxes = torch.cat([corners, corners + 10], dim=1)
    return Probe('area', 'area_iou', (Sample(boxes + 1, boxes, None, None),), {})


def test_scattered_boxes_stay_boxes():
    probe = area_probe().scattered()
    for boxes in (probe.samples[0].pred, probe.samples[0].target):
        assert (boxes[:, 2:] >= boxes[:, :2]).all()
    assert torch.isfinite(probe.samples[0].loss(SearchedLoss('1 - i / u', inputs='area')))


def test_scatter_is_the_same_in_every_call():
    first, second = area_probe().scattered(), area_probe().scattered()
    assert torch.equal(first.samples[0].pred, second.samples[0].pred)
    assert torch.equal(first.samples[0].target, second.samples[0].target)
    assert not torch.equal(first.samples[0].pred, area_probe().samples[0].pred)
