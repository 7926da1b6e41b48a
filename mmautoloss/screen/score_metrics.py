"""Metrics of scores of rows, and of distributions over bins."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


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


def overlap(pred: Tensor, target: Tensor, scaling: Mapping[str, Tensor]) -> float:
    """Mean of the mass that predicted and target distributions share.

    Args:
        pred: Logits (M, C).
        target: Distributions (M, C).
        scaling: Not used.
    """
    target = target / target.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return float(torch.minimum(pred.softmax(dim=1), target).sum(dim=1).double().mean())


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
