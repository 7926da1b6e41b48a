"""Metrics that OpenMMLab lacks: FWIoU, BIoU and BF1 of semantic segmentation, and unrounded mIoU, gAcc and mAcc."""

from mmautoloss.evaluation.segmentation import (
    SEGMENTATION_METRICS,
    SegmentationCounts,
    count_images,
    segmentation_scores,
    total,
)
from mmautoloss.evaluation.segmentation_metric import SegmentationMetric

__all__ = [
    'SEGMENTATION_METRICS',
    'SegmentationCounts',
    'SegmentationMetric',
    'count_images',
    'segmentation_scores',
    'total',
]
