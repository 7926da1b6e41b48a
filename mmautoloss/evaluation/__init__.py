"""Metrics that OpenMMLab lacks, of detection (F1), segmentation (FWIoU, BIoU, BF1) and identities (mAP, ranks, one-shot)."""

from mmautoloss.evaluation.detection_f1 import DetectionF1
from mmautoloss.evaluation.identities import identity_scores
from mmautoloss.evaluation.identity_metric import IdentityMetric
from mmautoloss.evaluation.one_shot import draw_runs, one_shot_accuracy
from mmautoloss.evaluation.one_shot_metric import OneShotMetric
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
    'DetectionF1',
    'IdentityMetric',
    'OneShotMetric',
    'SegmentationCounts',
    'SegmentationMetric',
    'count_images',
    'draw_runs',
    'identity_scores',
    'one_shot_accuracy',
    'segmentation_scores',
    'total',
]
