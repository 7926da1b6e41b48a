"""Metrics of boxes and other values, and of embeddings."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mmautoloss.losses import input_kind

MAX_LOG_RATIO = 4.135
"""mmdet's limit of box deltas, |log(16 / 1000)|."""


def delta_iou(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean IoU of the boxes that are encoded by deltas.

    The IoU of two boxes encoded with the same anchor does not depend on the anchor, so the unit box is used.

    Args:
        pred: Normalised deltas (M, 4): dx, dy, dw, dh.
        target: Target deltas (M, 4).
        scaling: ``means`` (4,) and ``stds`` (4,) of the normalisation.
    """
    return area_iou(delta_boxes(pred, scaling), delta_boxes(target, scaling), scaling)


def area_iou(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean IoU of decoded boxes (M, 4)."""
    areas = input_kind('area').tensors(pred, target)
    return float((areas['i'] / areas['u']).mean())


def closeness(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean of 1 / (1 + error), with the absolute error in mean deviations of the targets of its column.

    It judges values that are no boxes, such as coordinates and offsets.

    Args:
        pred: Values (M, C) or (M,).
        target: Target values of the same shape.
        scaling: Not used.
    """
    deviation = (target - target.mean(dim=0)).abs().mean(dim=0).clamp(min=1e-3)
    return float((1 / (1 + (pred - target).abs() / deviation)).double().mean())


def alignment(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean of (1 + c) / 2 of the cosines c of predicted and target features (M, C)."""
    return float((1 + torch.nn.functional.cosine_similarity(pred, target)).double().mean() / 2)


def apart(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Share of the rows to which all rows of their identity are nearer than any other row, among those not alone in theirs.

    It is not rank 1, which also rises where a loss drives all rows of an identity but one apart.

    Args:
        pred: Embeddings (M, D).
        target: Identities (M,).
        scaling: Not used.
    """
    distances, same = torch.cdist(pred, pred), target[:, None] == target
    nearer = distances.where(same, 0).amax(dim=1) < distances.where(~same, torch.inf).amin(dim=1)
    nearer = nearer[same.sum(dim=1) > 1]
    return float(nearer.double().mean()) if len(nearer) else 0.0


def apart_by_angle(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """The same for the directions of embeddings.

    Args:
        pred: Embeddings (M, D).
        target: Identities (M,).
        scaling: Not used.
    """
    return apart(torch.nn.functional.normalize(pred), target, scaling)


def delta_boxes(deltas: Tensor, scaling: Mapping[str, Tensor]) -> Tensor:
    """Boxes (M, 4) decoded from deltas (M, 4) with the unit box as anchor."""
    deltas = deltas * scaling['stds'] + scaling['means']
    sides = deltas[:, 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    return torch.cat([deltas[:, :2] - sides / 2, deltas[:, :2] + sides / 2], dim=1)
