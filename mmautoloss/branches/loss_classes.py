"""What is known of the classes of losses of the libraries: one record a class, by its name.

To support another loss, add its record here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from mmautoloss.branches import loss_kinds as kinds
from mmautoloss.branches import objectives
from mmautoloss.branches.attributes import channels_of, numbers_of
from mmautoloss.branches.loss_class import OF_FORMULAS, LossClass
from mmautoloss.losses.temperatures import Temperatures


def class_of(loss: nn.Module) -> LossClass:
    """The record of the class of a loss; that with the defaults if there is none."""
    return LOSS_CLASSES.get(type(loss).__name__, _OTHER)


def _of_axes(loss: Any, head: nn.Module) -> dict[str, Any]:
    """Of a loss that divides a sum by the number of keypoints alone."""
    label_beta = loss.label_beta if loss.label_softmax else None
    weights: dict[str, Any] = {}
    if loss.mask is not None:
        keypoints = range(channels_of(head))
        masked = {keypoints[k] for k in loss.mask}  # -1 is the last
        weights = {'keypoint_weight': [loss.mask_weight if k in masked else 1.0 for k in keypoints]}
    return {'average': 'sum', **Temperatures(loss.beta, label_beta).changed, **weights}


def _of_teacher(loss: Any, head: nn.Module) -> dict[str, Any]:
    return Temperatures(1 / loss.T, 1 / loss.T).changed


def _by_weights(loss: Any, head: nn.Module) -> dict[str, Any]:
    return {'average': 'weights'}


def _of_persons(loss: Any, head: nn.Module) -> dict[str, Any]:
    """The constants of keypoints; 1/2 without a description of the data set, which makes the unit the root of the area."""
    sigmas = numbers_of(getattr(loss, 'sigmas', None))
    norm = {'norm_target_weight': True} if loss.norm_target_weight else {}
    return {'sigmas': sigmas or [0.5] * getattr(head, 'num_keypoints', 1), **norm}


def _of_motions(loss: Any, head: nn.Module) -> dict[str, Any]:
    return {'motion_weight': [loss.lambda_scale, loss.lambda_3d_velocity]}


def _always(loss: nn.Module) -> bool:
    return True


def _never(loss: nn.Module) -> bool:
    return False


def _by_sigmoid(loss: Any) -> bool:
    return bool(getattr(loss, 'use_sigmoid', False))


_OTHER = LossClass()
_BOXES = LossClass(kinds.boxes)
_AREA = LossClass(kinds.always('area'))
_VALUES = LossClass(kinds.always('delta'))
_EXCLUSIVE = LossClass(kinds.always('softmax'))
_ELEMENTS = LossClass(kinds.always('sigmoid'))
_BY_PRODUCT = LossClass(kinds.always('quality'), objective=objectives.of_products)
_BY_IDENTITIES = LossClass(kinds.always('triplet'), objective=objectives.of_identities)

_SEARCHABLE: Mapping[str, LossClass] = {
    # its settings are taken over as they are
    **dict.fromkeys(OF_FORMULAS, LossClass(kinds.searched, objective=objectives.at_logits, probabilities=_never)),
    'CrossEntropyLoss': LossClass(kinds.cross_entropy, averaging={'mmseg': ('sigmoid',)}),
    'FocalLoss': LossClass(kinds.scores, averaging={'mmseg': ('sigmoid',)}),
    'BCELoss': LossClass(kinds.always('sigmoid'), probabilities=_by_sigmoid, averaging={'mmpose': ('sigmoid',)}),
    'LabelSmoothLoss': LossClass(kinds.label_smooth, in_formula=('label_smooth_val',)),
    'AsymmetricLoss': LossClass(kinds.scores),
    'OhemCrossEntropy': _EXCLUSIVE,
    'TverskyLoss': _EXCLUSIVE,
    'LovaszLoss': LossClass(kinds.lovasz, one_value=True),
    'BoundaryLoss': _ELEMENTS,
    'DiceLoss': LossClass(kinds.dice),
    'L1Loss': _BOXES,
    'SmoothL1Loss': _BOXES,
    'MSELoss': _BOXES,
    'BalancedL1Loss': _BOXES,
    'IoULoss': _AREA,
    'GIoULoss': _AREA,
    'DIoULoss': _AREA,
    'CIoULoss': _AREA,
    'EIoULoss': _AREA,
    'SIoULoss': _AREA,
    'BoundedIoULoss': _AREA,
    'QualityFocalLoss': LossClass(kinds.always('quality'), objective=objectives.of_pairs),
    'VarifocalLoss': _BY_PRODUCT,
    'VariFocalLoss': _BY_PRODUCT,
    'DistributionFocalLoss': LossClass(kinds.always('bins')),
    'KnowledgeDistillationKLDivLoss': LossClass(kinds.always('bins'), _of_teacher, objectives.of_teacher),
    'GaussianFocalLoss': LossClass(kinds.always('peak'), probabilities=_always),
    'FocalHeatmapLoss': LossClass(kinds.always('peak'), probabilities=_always, always_weighed=True),
    'KeypointMSELoss': LossClass(kinds.always('heatmap'), averaging={'mmpose': ('heatmap',)}, always_weighed=True),
    'KeypointOHKMMSELoss': LossClass(kinds.always('heatmap')),
    'AdaptiveWingLoss': LossClass(kinds.always('heatmap'), averaging={'mmpose': ('heatmap',)}),
    'KLDiscretLoss': LossClass(kinds.always('bins'), _of_axes, objectives.of_axes, averaging={'mmpose': ('bins',)}),
    'KDLoss': LossClass(kinds.taught, objective=objectives.of_student, weight='weight'),
    'JSDiscretLoss': LossClass(kinds.always('bins'), objective=objectives.of_persons, probabilities=_always),
    'MLECCLoss': LossClass(
        kinds.always('bins'), objective=objectives.of_likelihoods, probabilities=_always, one_value=True, mode='log'
    ),
    'OKSLoss': LossClass(
        kinds.always('keypoint'),
        _of_persons,
        objectives.of_units,
        one_value=True,
        mode='linear',
        in_formula=('norm_target_weight',),
    ),
    'MPJPELoss': _VALUES,
    'MPJPEVelocityJointLoss': LossClass(kinds.motion, _of_motions, objectives.of_positions),
    'CosineSimilarityLoss': LossClass(kinds.always('direction'), _by_weights),
    'SoftWeightSmoothL1Loss': _VALUES,
    'PixelReconstructionLoss': LossClass(kinds.always('delta'), _by_weights, objectives.of_patches),
    'TripletLoss': _BY_IDENTITIES,
}

_FEATURES = 'it compares features of one image with others, not scores with labels; search the loss of a classifier'
_GRADIENTS = 'it remembers the gradients of earlier batches; use FocalLoss or L1Loss'

_REFUSED: Mapping[str, str] = {
    'GHMC': _GRADIENTS,
    'GHMR': _GRADIENTS,
    'CrossCorrelationLoss': _FEATURES,
    'CAELoss': _FEATURES,
    'SwAVLoss': _FEATURES,
    'CombinedTargetMSELoss': 'its maps hold heat and offsets side by side; use the codec MSRAHeatmap',
    'AssociativeEmbeddingLoss': 'it compares the tags of all pairs of keypoints or corners; use another head',
    'InfoNCELoss': 'it compares the features of all pairs of instances, and has no target; leave it out',
    'RLELoss': 'it trains a flow that has parameters; use SmoothL1Loss with a RegressionHead',
    'MultiPosCrossEntropyLoss': 'it has several positives in a row of one softmax; leave it out',
    'MarginL2Loss': 'it draws its negatives itself; leave it out',
    'DDQAuxLoss': 'it contains an assigner and losses of its own; leave it out',
    'FeaLoss': 'it trains a layer of its own on features of the teacher; leave it out',
}
"""Losses that cannot be searched in any head, and what helps."""

LOSS_CLASSES: Mapping[str, LossClass] = {
    **_SEARCHABLE,
    **{name: LossClass(kinds.never(reason)) for name, reason in _REFUSED.items()},
}
"""Records by the name of the class."""
