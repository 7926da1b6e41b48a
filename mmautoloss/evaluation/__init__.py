"""Metrics that OpenMMLab lacks: of semantic segmentation FWIoU, BIoU and BF1, of identities mAP and ranks, unrounded."""

from mmautoloss.evaluation.identities import identity_scores
from mmautoloss.evaluation.identity_metric import IdentityMetric
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
    'IdentityMetric',
    'SegmentationCounts',
    'SegmentationMetric',
    'count_images',
    'identity_scores',
    'segmentation_scores',
    'total',
]
