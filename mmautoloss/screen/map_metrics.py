"""Metrics of masks, heat maps and semantic segmentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mmautoloss.evaluation import segmentation_scores
from mmautoloss.screen.score_metrics import sigmoid_recall


def instance_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """The same of each instance over its pixels, and the mean over the instances.

    Args:
        pred: Mask logits (M, P); above 0 means inside.
        target: Masks (M, P).
        scaling: Not used.
    """
    return sigmoid_recall(pred.T, target.T, scaling)


def peak_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean of the recalls of centres and of pixels that are none.

    Pixels above 1/2 beside a centre do not count.

    Args:
        pred: Logits (N, C, H, W); above 0 means a centre.
        target: Targets in [0, 1], 1 at centres; -1 is ignored.
        scaling: Not used.
    """
    correct = ((pred > 0) == (target == 1)).double()
    parts = (target == 1, (target >= 0) & (target <= 0.5))
    shares = [float(correct[part].mean()) for part in parts if part.any()]
    return sum(shares) / max(len(shares), 1)


def mask_iou(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean IoU of the masks of instances.

    Args:
        pred: Logits (M, 1, H, W); above 0 means inside.
        target: Masks (M, 1, H, W).
        scaling: Not used.
    """
    predicted, true = (pred > 0).flatten(1), (target > 0.5).flatten(1)
    union = (predicted | true).sum(dim=1)
    iou = (predicted & true).sum(dim=1) / union.clamp(min=1)
    return float(torch.where(union == 0, 1.0, iou).mean())  # an empty prediction of an empty mask is correct


def heatmap_pck(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Share of correct keypoints, whose peak is within a twentieth of the map's longer side of the target peak.

    Args:
        pred: Heat maps (N, K, H, W).
        target: Target heat maps; -1 where a keypoint is ignored, as are keypoints without a peak.
        scaling: Not used.
    """
    height, width = pred.shape[-2:]
    valid = target.flatten(2).amax(dim=2) > 0
    peaks, true_peaks = (maps.flatten(2).argmax(dim=2)[valid] for maps in (pred, target))
    rows = torch.div(peaks, width, rounding_mode='floor') - torch.div(true_peaks, width, rounding_mode='floor')
    distance = torch.hypot(rows.double(), (peaks % width - true_peaks % width).double())
    return float((distance <= max(1.0, max(height, width) / 20)).double().mean()) if len(distance) else 0.0


def heatmap_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean of the recalls of hot pixels (target above 1/2) and of cold pixels.

    Args:
        pred: Heat maps (N, K, H, W).
        target: Target heat maps in [0, 1]; -1 where a keypoint is ignored.
        scaling: Not used.
    """
    hot, valid = target > 0.5, target >= 0
    correct = ((pred > 0.5) == hot).double()
    shares = [float(correct[mask].mean()) for mask in (hot, valid & ~hot) if mask.any()]
    return sum(shares) / max(len(shares), 1)


def segmentation(name: str) -> Callable[[Tensor, Tensor, Mapping[str, Tensor]], float]:
    """A metric of semantic segmentation on logits (N, C, H, W) and label maps (N, H, W), where -1 is ignored."""

    def score(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
        scores = segmentation_scores(pred.argmax(dim=1), target, pred.shape[1], ignore_index=-1, names=(name,))
        return scores[name]

    return score
