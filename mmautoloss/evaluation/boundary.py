"""Metrics of boundaries: BIoU and BF1.

An ignored pixel has no class: it belongs neither to a class nor to its surroundings, so it makes no boundary, and
neither does the border of the image. Distances are Chebyshev distances (square windows, as in pooling).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import torch
from torch import Tensor

from mmautoloss.evaluation.label_maps import LabelMaps

_MAX_ELEMENTS = 1 << 24
"""Most elements of one mask; more classes are processed in chunks, so that large maps with many classes fit into memory."""


def dilate(mask: Tensor, radius: int) -> Tensor:
    """Max-pooling of a mask with a square window, padded with -inf.

    Shifted copies, first along one axis and then the other, are some thirty times faster on a CPU than ``max_pool2d``.

    Args:
        mask: (..., H, W), bool.
        radius: The side of the window has 2 * radius + 1 pixels.
    """
    for dim in (-1, -2):
        size, grown = mask.shape[dim], mask.clone()
        for shift in range(1, min(radius, size - 1) + 1):
            grown.narrow(dim, shift, size - shift).logical_or_(mask.narrow(dim, 0, size - shift))
            grown.narrow(dim, 0, size - shift).logical_or_(mask.narrow(dim, shift, size - shift))
        mask = grown
    return mask


def count_band(maps: LabelMaps, radius: int) -> Tensor:
    """Counts intersection and union of each class in the band around its true boundary.

    The band of class c consists of the pixels with both c and not-c of the target within ``radius``: max-pool minus
    min-pool of the one-hot map. With radius 1 these are the pixels on both sides of the boundary.

    Returns:
        (N, 2, C): pixels of the band where prediction *and*, *or* target are c.
    """
    counts = maps.target.new_zeros(len(maps.target), 2, maps.num_classes)
    for classes in _class_chunks(maps, maps.target):  # a class that is not in the target has no band
        target, around = _inside_and_around(maps, maps.target, classes)
        pred, _ = _inside_and_around(maps, maps.pred, classes)
        band = dilate(target, radius) & dilate(around, radius)
        counts[..., classes] = _pixels(target & pred & band, (target | pred) & band)
    return counts


def count_boundary(maps: LabelMaps, tolerance: int) -> Tensor:
    """Counts the boundary pixels of each class, and those that have a counterpart.

    The boundary of a class consists of its pixels that touch another class, also diagonally: y XOR min-pool3x3(y).

    Returns:
        (N, 4, C): predicted boundary pixels within ``tolerance`` of a true one, all predicted ones; true boundary
        pixels within ``tolerance`` of a predicted one, all true ones.
    """
    counts = maps.target.new_zeros(len(maps.target), 4, maps.num_classes)
    for classes in _class_chunks(maps, maps.target, maps.pred):
        pred, target = (_boundary(maps, labels, classes) for labels in (maps.pred, maps.target))
        hits = pred & dilate(target, tolerance), target & dilate(pred, tolerance)
        counts[..., classes] = _pixels(hits[0], pred, hits[1], target)
    return counts


def band_score(band: Tensor) -> float:
    """BIoU: mean IoU within bands around the true boundaries.

    Evaluation in such a band (a trimap) is by Kohli et al., IJCV 2009; Auto Seg-Loss (Li et al., ICLR 2021) made it a
    metric to search losses for. Both have one band around all boundaries; here each class has its own, so that
    only pixels near its own boundary count for it. Intersections and unions are summed over the data set, the
    mean is over the classes that have a boundary in the target.

    Args:
        band: (2, C), see :func:`count_band`.

    Returns:
        A value in [0, 1]; NaN where the target has no boundary.
    """
    intersection, union = band.double()
    return float((intersection / union).nanmean())


def boundary_score(boundary: Tensor) -> float:
    """BF1: mean F1 score of the boundaries.

    The metric is by Csurka et al., BMVC 2013, who average it over images; here, as in Auto Seg-Loss (Li et al., ICLR
    2021), precision and recall are those of the whole data set. The mean is over the classes that have a boundary in
    the target; a class without a predicted boundary counts as 0.

    Args:
        boundary: (4, C), see :func:`count_boundary`.

    Returns:
        A value in [0, 1]; NaN where the target has no boundary.
    """
    pred_hits, pred_all, target_hits, target_all = boundary.double()
    precision = pred_hits / pred_all.clamp(min=1)
    recall = target_hits / target_all  # 0 / 0 is NaN: the class is left out
    f1 = 2 * precision * recall / (precision + recall).clamp(min=torch.finfo(torch.double).tiny)
    return float(f1.nanmean())


def _class_chunks(maps: LabelMaps, *labels: Tensor) -> Iterator[Tensor]:
    """The classes that occur, in chunks that fit into memory."""
    pixels = reduce(torch.add, (maps.histogram(label_map, maps.valid) for label_map in labels)).sum(dim=0)
    classes = pixels.nonzero().flatten()
    yield from classes.split(max(1, _MAX_ELEMENTS // max(1, maps.target.numel())))


def _inside_and_around(maps: LabelMaps, labels: Tensor, classes: Tensor) -> tuple[Tensor, Tensor]:
    """Masks of each class and of all other classes, both (N, K, H, W)."""
    valid = maps.valid[:, None]
    inside = (labels[:, None] == classes[:, None, None]) & valid
    return inside, valid & ~inside


def _boundary(maps: LabelMaps, labels: Tensor, classes: Tensor) -> Tensor:
    inside, around = _inside_and_around(maps, labels, classes)
    return inside & dilate(around, 1)


def _pixels(*masks: Tensor) -> Tensor:
    """Numbers of pixels of masks (N, K, H, W), as (N, masks, K)."""
    # int32, five times faster than the default int64, is enough for one image
    return torch.stack([mask.sum(dim=(-2, -1), dtype=torch.int32) for mask in masks], dim=1).long()
