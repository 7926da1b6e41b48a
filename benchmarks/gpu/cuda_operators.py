"""The operators of mmcv that detectors need, on the device against the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from mmcv.ops import RoIAlign, nms
from torch import Tensor


def run(visit: Any) -> Iterator[dict[str, Any]]:
    """A row each of ``nms`` and ``RoIAlign``.

    Raises:
        RuntimeError: The values differ.
    """
    for name, compute, tolerance in (('nms', kept_boxes, 0.0), ('RoIAlign', aligned, 1e-3)):
        error = difference(compute, visit.device)
        yield {'operator': name, 'error': error}
        if not error <= tolerance:
            raise RuntimeError(f'{name} differs from the CPU by {error:.1e}, more than {tolerance:.0e}')


def difference(compute: Callable[[str], list[Tensor]], device: str) -> float:
    """The largest difference of results of the device from those of the CPU, over the largest of these."""
    worst = 0.0
    for found, wanted in zip(compute(device), compute('cpu'), strict=True):
        if found.shape != wanted.shape:
            return float('inf')
        worst = max(worst, float((found.cpu() - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12)))
    return worst


def kept_boxes(device: str) -> list[Tensor]:
    """Numbers of the boxes that stay of 3000."""
    chance = torch.Generator().manual_seed(0)
    corner = 200 * torch.rand(3000, 2, generator=chance)
    boxes = torch.cat([corner, corner + 10 + 40 * torch.rand(3000, 2, generator=chance)], dim=1)
    scores = torch.rand(3000, generator=chance)
    _, kept = nms(boxes.to(device), scores.to(device), iou_threshold=0.5)
    return [kept.double()]


def aligned(device: str) -> list[Tensor]:
    """Features of 64 regions, and the gradient of their squares."""
    chance = torch.Generator().manual_seed(1)
    features = torch.randn(2, 16, 50, 60, generator=chance).to(device).requires_grad_()
    corner = 200 * torch.rand(64, 2, generator=chance)
    size = 20 + 100 * torch.rand(64, 2, generator=chance)
    rois = torch.cat([(torch.arange(64) % 2)[:, None].float(), corner, corner + size], dim=1)
    pooled = RoIAlign(output_size=7, spatial_scale=0.25, sampling_ratio=2)(features, rois.to(device))
    return [pooled.detach(), torch.autograd.grad((pooled**2).sum(), features)[0]]
