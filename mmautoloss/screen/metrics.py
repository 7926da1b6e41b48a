"""Metrics of raw predictions, which the rejection test tries to raise. All lie in [0, 1]; 1 is perfect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import SEGMENTATION_METRICS, segmentation_scores
from mmautoloss.extension import add
from mmautoloss.losses import input_kind

MAX_LOG_RATIO = 4.135
"""mmdet's limit of box deltas, |log(16 / 1000)|."""


def average_precision(scores: Tensor, positive: Tensor) -> float:
    """Area under the precision-recall steps; equal scores count as one threshold.

    Args:
        scores: Scores (M,), higher means more likely positive.
        positive: Mask (M,) of the positives; at least one is true.

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
    """Mean over the present classes, including background, of the average precision of their probability.

    Args:
        pred: Logits (M, C).
        target: Labels (M,).
        scaling: Not used.
    """
    probability = pred.softmax(dim=1)
    classes = target.unique()
    return sum(average_precision(probability[:, c], target == c) for c in classes.tolist()) / len(classes)


def sigmoid_ap(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean over the present classes of the average precision of their logit.

    Args:
        pred: Logits (M, C).
        target: Binary targets (M, C).
        scaling: Not used.
    """
    columns = [c for c in range(pred.shape[1]) if (target[:, c] > 0.5).any()]
    return sum(average_precision(pred[:, c], target[:, c] > 0.5) for c in columns) / max(len(columns), 1)


def softmax_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean recall over the present classes, including background, where the most likely class is predicted.

    Args:
        pred: Logits (M, C).
        target: Labels (M,), or targets (M, C), of which the largest is the class.
        scaling: Not used.
    """
    target = target if target.dim() == 1 else target.argmax(dim=1)
    correct = (pred.argmax(dim=1) == target).double()
    classes = target.unique()
    return sum(float(correct[target == c].mean()) for c in classes.tolist()) / len(classes)


def sigmoid_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean over the present classes of the balanced accuracy: the mean of the recalls of positives and negatives.

    Args:
        pred: Logits (M, C), or maps of them; above 0 means positive.
        target: Binary targets of the same shape; -1 in maps is ignored.
        scaling: Not used.
    """
    if pred.dim() == 4:
        valid = (target >= 0).all(dim=1)
        pred, target = (maps.movedim(1, -1)[valid] for maps in (pred, target))
    positive = target > 0.5
    correct = ((pred > 0) == positive).double()
    columns = [c for c in range(pred.shape[1]) if positive[:, c].any()]
    values = [
        float(correct[rows, c].mean()) for c in columns for rows in (positive[:, c], ~positive[:, c]) if rows.any()
    ]
    return sum(values) / max(len(values), 1)


def instance_recall(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """The same of each instance over its pixels, and the mean over the instances.

    Args:
        pred: Mask logits (M, P); above 0 means inside.
        target: Masks (M, P).
        scaling: Not used.
    """
    return sigmoid_recall(pred.T, target.T, scaling)


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


def overlap(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean of the mass that predicted and target distributions share.

    Args:
        pred: Logits (M, C).
        target: Distributions (M, C).
        scaling: Not used.
    """
    target = target / target.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return float(torch.minimum(pred.softmax(dim=1), target).sum(dim=1).double().mean())


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


def quality_closeness(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """The smaller of two means of 1 / (1 + error): over elements of the class of their row, and over all others.

    The error is that of the probability, in mean qualities of the rows with a class.

    Args:
        pred: Logits (M, C).
        target: One-hot labels and, in the last column, the quality, (M, C + 1).
        scaling: Not used.
    """
    return _score_closeness(pred, target[:, :-1] * target[:, -1:], target[:, :-1] > 0.5)


def score_closeness(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """The same for targets of elements, over those above 0 and over all others.

    It judges soft scores that are nowhere above 1/2, such as the IoU of the boxes of an untrained network.

    Args:
        pred: Logits (M, C).
        target: Targets (M, C).
        scaling: Not used.
    """
    return _score_closeness(pred, target, target > 0)


def _score_closeness(pred: Tensor, wanted: Tensor, positive: Tensor) -> float:
    unit = wanted[positive].mean().clamp(min=1e-3) if positive.any() else wanted.new_ones(())
    close = (1 / (1 + (pred.sigmoid() - wanted).abs() / unit)).double()
    return min((float(close[part].mean()) for part in (positive, ~positive) if part.any()), default=0.0)


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


def delta_boxes(deltas: Tensor, scaling: Mapping[str, Tensor]) -> Tensor:
    """Boxes (M, 4) decoded from deltas (M, 4) with the unit box as anchor."""
    deltas = deltas * scaling['stds'] + scaling['means']
    sides = deltas[:, 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    return torch.cat([deltas[:, :2] - sides / 2, deltas[:, :2] + sides / 2], dim=1)


ProbeMetric = Callable[[Tensor, Tensor, Mapping[str, Tensor]], float]

PROBE_METRICS: dict[str, ProbeMetric] = {
    'softmax_recall': softmax_recall,
    'sigmoid_recall': sigmoid_recall,
    'instance_recall': instance_recall,
    'peak_recall': peak_recall,
    'softmax_ap': softmax_ap,
    'sigmoid_ap': sigmoid_ap,
    'delta_iou': delta_iou,
    'closeness': closeness,
    'overlap': overlap,
    'alignment': alignment,
    'quality_closeness': quality_closeness,
    'score_closeness': score_closeness,
    'area_iou': area_iou,
    'apart': apart,
    'apart_by_angle': apart_by_angle,
    'mask_iou': mask_iou,
    'heatmap_recall': heatmap_recall,
    'heatmap_pck': heatmap_pck,
    **{name: segmentation(name) for name in SEGMENTATION_METRICS},
}
"""Metrics by name.

Each kind of input names its metric (``InputKind.metric``). For scores this is not average precision, which depends only on
the ranking: a loss that raises all scores, positives slightly more, ranks free predictions perfectly but does not train a
network. For the same reason it is not the share of correct peaks (``heatmap_pck``) for heat maps, where a peak can be
raised without lowering other pixels, and not the IoU of masks (``mask_iou``), which fill most of their boxes, so that
raising all pixels is nearly correct.
"""


def register_metric(name: str, function: ProbeMetric) -> ProbeMetric:
    """Adds a metric that a kind of input can name.

    Args:
        name: Its name.
        function: ``function(pred, target, scaling)`` of the raw predictions and targets of the rows that count; returns a
            value from 0 to 1, where 1 is perfect. It should be low both where all predictions are too high and where all
            are too low.

    Raises:
        SetupError: It is not a function, or the name is taken.
    """
    if not callable(function):
        raise SetupError(f'The metric {name!r} must be a function of (pred, target, scaling), but got {function!r}.')
    add('metric', PROBE_METRICS, name, function)
    return function
