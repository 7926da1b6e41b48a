"""The metrics of the rejection test on the arrays of a sample, with the same values as in ``screen.metrics``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from mmautoloss.evaluation.regions import area_scores
from mmautoloss.losses.inputs.rows import as_nchw
from mmautoloss.screen.metrics import PROBE_METRICS
from mmautoloss.screen.native.activations import areas_of
from mmautoloss.screen.native.compiler import compiled
from mmautoloss.screen.native.layout import flat, unflat
from mmautoloss.screen.probe import Probe, Sample
from mmautoloss.screen.value_metrics import MAX_LOG_RATIO, delta_boxes

ArrayMetric = Callable[[np.ndarray], float]
"""The metric of raw predictions in the layout of ``SampleArrays.raw``."""

_REGIONS = ('mIoU', 'FWIoU', 'gAcc', 'mAcc')


def metric_on_arrays(probe: Probe, sample: Sample) -> ArrayMetric:
    """The metric of a probe for the predictions of one sample.

    Args:
        probe: Gives the metric.
        sample: The call of the loss.
    """
    rows = sample.rows(probe.kind)
    pred, target = rows.pred, probe.kind.marked(rows)
    if probe.metric == 'softmax_recall' and pred.dim() == 2:
        return _argmax_recall(target if target.dim() == 1 else target.argmax(dim=1), pred.shape[1])
    if probe.metric == 'sigmoid_recall':
        return _threshold_recall(target, 0.0, _balanced_weights(target))
    if probe.metric == 'heatmap_recall':
        return _threshold_recall(target, 0.5, _hot_cold_weights(target))
    if probe.metric in _REGIONS:
        return _region_metric(target, pred.shape[1], probe.metric)
    if probe.metric == 'delta_iou':
        return _box_iou(flat(delta_boxes(target, probe.scaling)), *_scales(probe.scaling))
    if probe.metric == 'area_iou':
        return _box_iou(flat(target))
    return lambda raw: PROBE_METRICS[probe.metric](unflat(raw, pred.shape), target, probe.scaling)


def _argmax_recall(target: Tensor, channels: int) -> ArrayMetric:
    label = target.numpy(force=True).astype(np.int64)
    count = np.bincount(label, minlength=channels)
    weight = 1 / (count[label] * (count > 0).sum())
    return lambda raw: float(weight[_argmax(raw, len(label)) == label].sum())


def _region_metric(target: Tensor, channels: int, name: str) -> ArrayMetric:
    label = target.movedim(0, -1).reshape(-1).numpy(force=True).astype(np.int64)
    valid = label >= 0
    true = label[valid]
    true_areas = np.bincount(true, minlength=channels)

    def score(raw: np.ndarray) -> float:
        predicted = _argmax(raw, len(label))[valid]
        common = np.bincount(true[predicted == true], minlength=channels)
        predicted_areas = np.bincount(predicted, minlength=channels)
        return area_scores(torch.from_numpy(np.stack([common, predicted_areas, true_areas])))[name]

    return score


def _threshold_recall(target: Tensor, threshold: float, weight: Tensor) -> ArrayMetric:
    positive = flat(as_nchw(target)) > 0.5
    share = flat(as_nchw(weight))
    return lambda raw: float(share[(raw > threshold) == positive].sum())


def _balanced_weights(target: Tensor) -> Tensor:
    """Weights whose sum over the correct elements is ``sigmoid_recall``."""
    channels_last = target.movedim(1, -1).double()
    counts = (
        (channels_last >= 0).all(dim=-1, keepdim=True) if target.dim() == 4 else torch.ones_like(channels_last) > 0
    )
    positive = channels_last > 0.5
    dims = tuple(range(channels_last.dim() - 1))
    occurs = (positive & counts).any(dim=dims, keepdim=True)
    parts = [part & counts & occurs for part in (positive, ~positive)]
    sizes = [part.sum(dim=dims, keepdim=True) for part in parts]
    shares = sum(int((size > 0).sum()) for size in sizes)
    positives, negatives = (part / size.clamp(min=1) for part, size in zip(parts, sizes, strict=True))
    return ((positives + negatives) / max(shares, 1)).movedim(-1, 1)


def _hot_cold_weights(target: Tensor) -> Tensor:
    """Weights whose sum over the correct elements is ``heatmap_recall``."""
    hot, counts = target > 0.5, target >= 0
    parts = [part for part in (hot, counts & ~hot) if part.any()]
    return sum(part.double() / part.sum() for part in parts) / max(len(parts), 1) + torch.zeros_like(target)


def _scales(scaling: Mapping[str, Tensor]) -> tuple[np.ndarray, np.ndarray]:
    means, deviations = (scaling[key].numpy(force=True).astype(np.float32) for key in ('means', 'stds'))
    return means, deviations


def _box_iou(target: np.ndarray, *scales: np.ndarray) -> ArrayMetric:
    """Mean IoU with the target boxes, of boxes or, with means and deviations, of deltas."""
    areas = np.empty((3, target.size // 4), np.float32)
    boxes = np.empty_like(target)

    def score(raw: np.ndarray) -> float:
        if scales:
            _boxes_of(raw, *scales, np.float32(MAX_LOG_RATIO), boxes)
        return _mean_iou(boxes if scales else raw, target, areas)

    return score


@compiled
def _mean_iou(boxes, target, areas):
    areas_of(boxes, target, areas)
    total = 0.0
    for k in range(areas.shape[1]):
        total += areas[0, k] / areas[1, k]
    return total / max(areas.shape[1], 1)


@compiled
def _boxes_of(deltas, means, stds, limit, boxes):
    """As ``metrics.delta_boxes``, with boxes and deltas grouped by coordinate."""
    count = deltas.size // 4
    for axis in range(2):
        for k in range(count):
            centre = deltas[axis * count + k] * stds[axis] + means[axis]
            side = deltas[(axis + 2) * count + k] * stds[axis + 2] + means[axis + 2]
            half = np.exp(min(max(side, -limit), limit)) / np.float32(2)
            boxes[axis * count + k] = centre - half
            boxes[(axis + 2) * count + k] = centre + half


@compiled
def _argmax(raw, positions):
    """For each position the first channel with the largest value."""
    best = raw[:positions].copy()
    channel = np.zeros(positions, np.int64)
    for begin in range(positions, raw.size, positions):
        for i in range(positions):
            higher = raw[begin + i] > best[i]
            best[i] = raw[begin + i] if higher else best[i]
            channel[i] = begin // positions if higher else channel[i]
    return channel
