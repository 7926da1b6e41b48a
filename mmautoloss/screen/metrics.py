"""Metrics of raw predictions: what the rejection test tries to raise. All lie in [0, 1], 1 is perfect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import SEGMENTATION_METRICS, segmentation_scores
from mmautoloss.extension import add
from mmautoloss.losses import input_kind

MAX_LOG_RATIO = 4.135
"""mmdet's limit of a box's growth, |log(16 / 1000)|."""


def average_precision(scores: Tensor, positive: Tensor) -> float:
    """Area under the precision-recall steps; scores that are equal count as one threshold.

    Args:
        scores: (M,), higher means more likely positive.
        positive: (M,), true for positives; at least one.

    Example:
        >>> average_precision(torch.tensor([0.9, 0.8, 0.1]), torch.tensor([True, False, True]))
        0.8333333333333333
    """
    scores, order = scores.double().sort(descending=True)
    hits = positive[order].double().cumsum(0)
    last_of_ties = torch.cat([scores[1:] != scores[:-1], scores.new_ones(1, dtype=torch.bool)])
    ranks = last_of_ties.nonzero().squeeze(1)
    hits = hits[ranks]
    gained = torch.diff(hits, prepend=hits.new_zeros(1))
    return float((gained * hits / (ranks + 1)).sum() / hits[-1])


def softmax_ap(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean over the classes that occur, background among them, of the average precision of their probability.

    Args:
        pred: Logits (M, C).
        target: Labels (M,).
        scaling: Not used.
    """
    probability = pred.softmax(dim=1)
    classes = target.unique()
    return sum(average_precision(probability[:, c], target == c) for c in classes.tolist()) / len(classes)


def sigmoid_ap(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean over the classes that occur of the average precision of their logit.

    Args:
        pred: Logits (M, C).
        target: Binary targets (M, C).
        scaling: Not used.
    """
    columns = [c for c in range(pred.shape[1]) if (target[:, c] > 0.5).any()]
    return sum(average_precision(pred[:, c], target[:, c] > 0.5) for c in columns) / max(len(columns), 1)


def softmax_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean over the classes that occur, background among them, of the share of rows whose likeliest class is right.

    Args:
        pred: Logits (M, C).
        target: Labels (M,).
        scaling: Not used.
    """
    right = (pred.argmax(dim=1) == target).double()
    classes = target.unique()
    return sum(float(right[target == c].mean()) for c in classes.tolist()) / len(classes)


def sigmoid_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean over the classes that occur of the balanced accuracy: half the recall of positives, half that of negatives.

    Args:
        pred: Logits (M, C), or maps of them; above 0 means positive.
        target: Binary targets of the same shape; in maps -1 does not count.
        scaling: Not used.
    """
    if pred.dim() == 4:
        counts = (target >= 0).all(dim=1)
        pred, target = (maps.movedim(1, -1)[counts] for maps in (pred, target))
    positive = target > 0.5
    right = ((pred > 0) == positive).double()
    columns = [c for c in range(pred.shape[1]) if positive[:, c].any()]
    values = [
        float(right[rows, c].mean()) for c in columns for rows in (positive[:, c], ~positive[:, c]) if rows.any()
    ]
    return sum(values) / max(len(values), 1)


def delta_iou(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean IoU of the boxes that deltas stand for.

    The IoU of two boxes that are coded against the same anchor does not depend on the anchor, so the unit box serves.

    Args:
        pred: Deltas (M, 4): dx, dy, dw, dh, normalised.
        target: Wanted deltas (M, 4).
        scaling: ``means`` (4,) and ``stds`` (4,) of the normalisation.
    """
    return area_iou(delta_boxes(pred, scaling), delta_boxes(target, scaling), scaling)


def area_iou(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean IoU of decoded boxes (M, 4)."""
    areas = input_kind('area').tensors(pred, target)
    return float((areas['i'] / areas['u']).mean())


def mask_iou(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean IoU of the masks of instances.

    Args:
        pred: Logits (M, 1, H, W); above 0 means inside.
        target: Masks (M, 1, H, W).
        scaling: Not used.
    """
    inside, wanted = (pred > 0).flatten(1), (target > 0.5).flatten(1)
    union = (inside | wanted).sum(dim=1)
    iou = (inside & wanted).sum(dim=1) / union.clamp(min=1)
    return float(torch.where(union == 0, 1.0, iou).mean())  # a mask of nothing, predicted as nothing, is right


def heatmap_pck(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Percentage of correct keypoints: whose peak is within a twentieth of the map's longer side of the wanted peak.

    Args:
        pred: Heat maps (N, K, H, W).
        target: Wanted heat maps; -1 where a keypoint does not count, and without a peak it does not either.
        scaling: Not used.
    """
    height, width = pred.shape[-2:]
    counts = target.flatten(2).amax(dim=2) > 0
    found, wanted = (maps.flatten(2).argmax(dim=2)[counts] for maps in (pred, target))
    rows = torch.div(found, width, rounding_mode='floor') - torch.div(wanted, width, rounding_mode='floor')
    distance = torch.hypot(rows.double(), (found % width - wanted % width).double())
    return float((distance <= max(1.0, max(height, width) / 20)).double().mean()) if len(distance) else 0.0


def heatmap_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Half the share of hot pixels (wanted above 1/2) that are hot, half that of cold pixels that are cold.

    Args:
        pred: Heat maps (N, K, H, W).
        target: Wanted heat maps in [0, 1]; -1 where a keypoint does not count.
        scaling: Not used.
    """
    hot, counts = target > 0.5, target >= 0
    right = ((pred > 0.5) == hot).double()
    shares = [float(right[where].mean()) for where in (hot, counts & ~hot) if where.any()]
    return sum(shares) / max(len(shares), 1)


def segmentation(name: str) -> Callable[[Tensor, Tensor, Mapping[str, Tensor]], float]:
    """A metric of semantic segmentation itself, of logits (N, C, H, W) and label maps (N, H, W) with -1 as ignored."""

    def score(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
        scores = segmentation_scores(pred.argmax(dim=1), target, pred.shape[1], ignore_index=-1, names=(name,))
        return scores[name]

    return score


def delta_boxes(deltas: Tensor, scaling: Mapping[str, Tensor]) -> Tensor:
    """Boxes (M, 4) that deltas (M, 4) stand for, coded against the unit box."""
    deltas = deltas * scaling['stds'] + scaling['means']
    sides = deltas[:, 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    return torch.cat([deltas[:, :2] - sides / 2, deltas[:, :2] + sides / 2], dim=1)


ProbeMetric = Callable[[Tensor, Tensor, Mapping[str, Tensor]], float]

PROBE_METRICS: dict[str, ProbeMetric] = {
    'softmax_recall': softmax_recall,
    'sigmoid_recall': sigmoid_recall,
    'softmax_ap': softmax_ap,
    'sigmoid_ap': sigmoid_ap,
    'delta_iou': delta_iou,
    'area_iou': area_iou,
    'mask_iou': mask_iou,
    'heatmap_recall': heatmap_recall,
    'heatmap_pck': heatmap_pck,
    **{name: segmentation(name) for name in SEGMENTATION_METRICS},
}
"""Metrics by name.

A kind of input names the one that judges it (``InputKind.metric``). Not average precision for scores: it only ranks, and a
loss that pushes all scores one way, positives a little further, ranks perfectly on free predictions and says nothing of use
to a network. For the same reason not the share of right peaks (``heatmap_pck``) for heat maps, where a peak can be raised
without bringing anything else down, and not the IoU of masks (``mask_iou``), which fill most of their boxes, so that to
raise everything is nearly right.
"""


def register_metric(name: str, function: ProbeMetric) -> ProbeMetric:
    """Adds a metric that a kind of input can name.

    Args:
        name: Its name.
        function: ``function(pred, target, scaling)``, of raw predictions and targets of the rows that count; a value from 0
            to 1, where 1 is perfect. It should fall for predictions that are all too high as well as all too low.

    Raises:
        SetupError: It is no function, or the name is taken.
    """
    if not callable(function):
        raise SetupError(f'The metric {name!r} must be a function of (pred, target, scaling), but got {function!r}.')
    add('metric', PROBE_METRICS, name, function)
    return function
