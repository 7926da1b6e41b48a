"""Losses that cannot be searched in any head, and what helps."""

from __future__ import annotations

_FEATURES = 'it compares features of one image with others, not scores with labels; search the loss of a classifier'
_GRADIENTS = 'it remembers the gradients of earlier batches; use FocalLoss or L1Loss'

UNSEARCHABLE: dict[str, str] = {
    **dict.fromkeys(('GHMC', 'GHMR'), _GRADIENTS),
    **dict.fromkeys(('CosineSimilarityLoss', 'CrossCorrelationLoss', 'CAELoss', 'SwAVLoss'), _FEATURES),
    'CombinedTargetMSELoss': 'its maps hold heat and offsets side by side; use the codec MSRAHeatmap',
    'AssociativeEmbeddingLoss': 'it compares the tags of all pairs of keypoints or corners; use another head',
    'InfoNCELoss': 'it compares the features of all pairs of instances, and has no target; leave it out',
    'RLELoss': 'it trains a flow that has parameters; use SmoothL1Loss with a RegressionHead',
    'MPJPEVelocityJointLoss': 'it adds differences between frames, which a formula does not read; use MPJPELoss',
    'MultiPosCrossEntropyLoss': 'it has several positives in a row of one softmax; leave it out',
    'MarginL2Loss': 'it draws its negatives itself; leave it out',
    'DDQAuxLoss': 'it contains an assigner and losses of its own; leave it out',
    'KDLoss': 'it compares a student with its teacher; leave it out',
    'FeaLoss': 'it trains a layer of its own on features of the teacher; leave it out',
}
"""Reasons by the names of their classes."""
