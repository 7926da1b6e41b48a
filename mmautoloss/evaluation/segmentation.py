"""Segmentation metrics of label maps: counts that add up, and the scores of counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from functools import reduce
from operator import add
from typing import Any

from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation.boundary import band_score, boundary_score, count_band, count_boundary
from mmautoloss.evaluation.label_maps import check_label_maps
from mmautoloss.evaluation.regions import area_scores, count_areas

SEGMENTATION_METRICS = ('mIoU', 'FWIoU', 'gAcc', 'mAcc', 'BIoU', 'BF1')
"""Names of the metrics; all lie in [0, 1], 1 is perfect."""


@dataclass(frozen=True, eq=False)
class SegmentationCounts:
    """Pixels counted in one or more images; the counts of two sets of images add up.

    Attributes:
        areas: (3, C), see :func:`~mmautoloss.evaluation.regions.count_areas`.
        band: (2, C), see :func:`~mmautoloss.evaluation.boundary.count_band`; None if not asked for.
        boundary: (4, C), see :func:`~mmautoloss.evaluation.boundary.count_boundary`; None if not asked for.
    """

    areas: Tensor
    band: Tensor | None = None
    boundary: Tensor | None = None

    def __add__(self, other: SegmentationCounts) -> SegmentationCounts:
        """Adds the counts of other images, counted for the same metrics and classes."""
        pairs = [(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)]
        if any((a is None) != (b is None) or (a is not None and a.shape != b.shape) for a, b in pairs):
            raise SetupError('Only counts of the same metrics and classes add up; count both with the same settings.')
        added: list[Any] = [None if a is None else a + b for a, b in pairs]
        return SegmentationCounts(*added)

    def scores(self) -> dict[str, float]:
        """The metrics for which pixels were counted, never rounded.

        Returns:
            Name to value in [0, 1]. NaN if there is nothing to score: no pixel that counts, for ``BIoU`` and
            ``BF1`` no boundary in the target.
        """
        scores = area_scores(self.areas)
        if self.band is not None:
            scores['BIoU'] = band_score(self.band)
        if self.boundary is not None:
            scores['BF1'] = boundary_score(self.boundary)
        return scores


def check_metrics(names: Collection[str], band: int, tolerance: int) -> None:
    """Raises SetupError for settings of metrics that have no meaning."""
    unknown = [names] if isinstance(names, str) else [name for name in names if name not in SEGMENTATION_METRICS]
    if unknown or not names:
        raise SetupError(f'names must be a list out of {", ".join(SEGMENTATION_METRICS)}, but got {names!r}.')
    if band < 1 or tolerance < 0:
        raise SetupError(
            f'band must be at least 1 and tolerance at least 0 pixels, but got band={band}, tolerance={tolerance}.'
        )


def count_images(
    pred: Tensor,
    target: Tensor,
    num_classes: int,
    ignore_index: int = 255,
    names: Collection[str] = SEGMENTATION_METRICS,
    band: int = 2,
    tolerance: int = 2,
) -> list[SegmentationCounts]:
    """Counts N images at once.

    Args:
        pred: Predicted labels (N, H, W).
        target: True labels (N, H, W).
        num_classes: C.
        ignore_index: Label of the target that does not count and makes no boundary.
        names: Metrics to be computed; boundaries are counted only for ``BIoU`` and ``BF1``.
        band: Radius of the band of ``BIoU`` in pixels. The default suits maps of about 50 x 50 pixels; for
            images of full size the literature uses 5 and more.
        tolerance: Distance in pixels at which boundaries still match in ``BF1``. The same holds for its default; Csurka
            et al. use 0.75 % of the image diagonal.

    Returns:
        The counts of each image, on the CPU.

    Raises:
        SetupError: The maps do not fit, or a setting has no meaning.
    """
    check_metrics(names, band, tolerance)
    maps = check_label_maps(pred, target, num_classes, ignore_index)
    areas = count_areas(maps).cpu()
    nothing = [None] * len(areas)
    bands = count_band(maps, band).cpu() if 'BIoU' in names else nothing
    boundaries = count_boundary(maps, tolerance).cpu() if 'BF1' in names else nothing
    return [SegmentationCounts(*parts) for parts in zip(areas, bands, boundaries, strict=True)]


def total(counts: Iterable[SegmentationCounts]) -> SegmentationCounts:
    """Sum of counts; SetupError if there are none."""
    counts = list(counts)
    if not counts:
        raise SetupError('At least one image is needed to score a segmentation, but got none; check the data set.')
    return reduce(add, counts)


def segmentation_scores(
    pred: Tensor,
    target: Tensor,
    num_classes: int,
    ignore_index: int = 255,
    names: Collection[str] = SEGMENTATION_METRICS,
    band: int = 2,
    tolerance: int = 2,
) -> dict[str, float]:
    """Metrics of N label maps taken together; see :func:`count_images` for the arguments.

    Returns:
        Each name with its value in [0, 1], or NaN if there is nothing to score.

    Example:
        >>> import torch
        >>> target = torch.tensor([[[0, 0, 1, 1]]])
        >>> segmentation_scores(torch.tensor([[[0, 0, 0, 1]]]), target, 2, names=['gAcc', 'BIoU'], band=1)
        {'gAcc': 0.75, 'BIoU': 0.25}
    """
    scores = total(count_images(pred, target, num_classes, ignore_index, names, band, tolerance)).scores()
    return {name: scores[name] for name in names}
