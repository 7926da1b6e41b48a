"""Segmentation metrics for the ``val_evaluator`` of mmseg's configs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from mmengine.evaluator import BaseMetric
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation.segmentation import SEGMENTATION_METRICS, check_metrics, count_images, total
from mmautoloss.registry import METRICS, register


@register(METRICS, everywhere=True)
class SegmentationMetric(BaseMetric):
    """mIoU, FWIoU, gAcc, mAcc, BIoU and BF1 of a data set, in [0, 1] and never rounded.

    mmseg's ``IoUMetric`` gives mIoU, mAcc and gAcc (as ``aAcc``) in percent with two digits, and lacks the others.

    Args:
        names: Metrics to report; boundaries are counted only for ``BIoU`` and ``BF1``.
        band: Radius in pixels of the band of ``BIoU``; 5 or more suits images of full size.
        tolerance: Distance in pixels at which boundaries still match in ``BF1``; likewise.
        ignore_index: Label of the ground truth that does not count. Default: that of the data set's meta
            information, else 255.
        collect_device: ``'cpu'`` or ``'gpu'``, as in ``BaseMetric``.
        prefix: Prefix of the names in logs; default none.
        collect_dir: Folder for exchange between processes, as in ``BaseMetric``.

    Raises:
        SetupError: A setting has no meaning.
    """

    def __init__(
        self,
        names: Sequence[str] = SEGMENTATION_METRICS,
        band: int = 2,
        tolerance: int = 2,
        ignore_index: int | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        check_metrics(names, band, tolerance)
        self.names = names
        self.band = band
        self.tolerance = tolerance
        self.ignore_index = ignore_index

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Counts a batch; consecutive images of one size are counted together.

        One result per image, in order: with several processes MMEngine drops repeated images by their number.

        Args:
            data_batch: Not used.
            data_samples: For each image ``pred_sem_seg`` and ``gt_sem_seg`` with label maps ``data`` (1, H, W); mmseg's
                models with one output channel give labels 0.0 and 1.0.

        Raises:
            SetupError: A sample has no ground truth, or maps and classes do not fit.
        """
        meta = self.dataset_meta or {}
        if 'classes' not in meta:
            raise SetupError(f'SegmentationMetric needs a data set with "classes" in its metainfo, but got {meta!r}.')
        ignore_index = meta.get('ignore_index', 255) if self.ignore_index is None else self.ignore_index
        pairs = [(_labels(sample, 'pred_sem_seg'), _labels(sample, 'gt_sem_seg')) for sample in data_samples]
        for _, group in groupby(pairs, key=lambda pair: [labels.shape for labels in pair]):
            pred, target = (torch.stack(maps) for maps in zip(*group, strict=True))
            self.results += count_images(
                pred, target, len(meta['classes']), ignore_index, self.names, self.band, self.tolerance
            )

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Scores of all images together.

        Args:
            results: Counts of each image.

        Returns:
            Each of ``names`` with its value, or NaN if there is nothing to score.
        """
        scores = total(results).scores()
        return {name: scores[name] for name in self.names}


def _labels(sample: dict[str, Any], key: str) -> Tensor:
    """The label map of a sample, (H, W); integers, unless it holds other numbers."""
    if key not in sample:
        raise SetupError(
            f'SegmentationMetric needs {key!r} in every data sample, but got {sorted(sample)}; '
            'load annotations in the pipeline of the data set that is evaluated (LoadAnnotations).'
        )
    labels = torch.as_tensor(sample[key]['data'])
    labels = labels[0] if labels.dim() == 3 and len(labels) == 1 else labels  # more channels are no label map
    return labels.long() if labels.is_floating_point() and bool((labels == labels.round()).all()) else labels
