"""The metrics once more, slowly: loops over pixels and classes, distances by looking at every pair of pixels."""

from __future__ import annotations

import math

import numpy as np

Pixel = tuple[int, int, int]


def near(p: Pixel, q: Pixel, distance: int) -> bool:
    """Whether two pixels of one image have at most a Chebyshev distance."""
    return p[0] == q[0] and max(abs(p[1] - q[1]), abs(p[2] - q[2])) <= distance


def mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def boundary(labels: np.ndarray, valid: list[Pixel], c: int) -> list[Pixel]:
    others = [q for q in valid if labels[q] != c]
    return [p for p in valid if labels[p] == c and any(near(p, q, 1) for q in others)]


def band_of(target: np.ndarray, valid: list[Pixel], c: int, radius: int) -> list[Pixel]:
    own = [q for q in valid if target[q] == c]
    others = [q for q in valid if target[q] != c]
    return [p for p in valid if any(near(p, q, radius) for q in own) and any(near(p, q, radius) for q in others)]


def iou(pred: np.ndarray, target: np.ndarray, pixels: list[Pixel], c: int) -> float | None:
    both = sum(pred[p] == c and target[p] == c for p in pixels)
    either = sum(pred[p] == c or target[p] == c for p in pixels)
    return both / either if either else None


def f1(pred: list[Pixel], target: list[Pixel], tolerance: int) -> float:
    if not pred:
        return 0.0
    precision = mean([any(near(p, q, tolerance) for q in target) for p in pred])
    recall = mean([any(near(q, p, tolerance) for p in pred) for q in target])
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def scores(
    pred: np.ndarray, target: np.ndarray, num_classes: int, ignore: int, band: int, tolerance: int
) -> dict[str, float]:
    """All six metrics of (N, H, W) label maps."""
    valid = [p for p in np.ndindex(*target.shape) if target[p] != ignore]
    classes = range(num_classes)
    present = [c for c in classes if any(target[p] == c for p in valid)]
    ious = {c: iou(pred, target, valid, c) for c in classes}
    sizes = {c: sum(target[p] == c for p in valid) for c in classes}
    in_bands = {c: iou(pred, target, band_of(target, valid, c, band), c) for c in classes}
    edges = {c: (boundary(pred, valid, c), boundary(target, valid, c)) for c in classes}
    return {
        'mIoU': mean([value for value in ious.values() if value is not None]),
        'FWIoU': sum(sizes[c] * ious[c] for c in present) / len(valid) if valid else math.nan,
        'gAcc': mean([pred[p] == target[p] for p in valid]),
        'mAcc': mean([mean([pred[p] == c for p in valid if target[p] == c]) for c in present]),
        'BIoU': mean([value for value in in_bands.values() if value is not None]),
        'BF1': mean([f1(*edges[c], tolerance) for c in classes if edges[c][1]]),
    }
