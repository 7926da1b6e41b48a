"""Differences between the heads of the libraries: the kind of input of each loss, and its path in a config.

To support the loss of another head, add it to a table here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from numbers import Real
from typing import Any, NamedTuple

from torch import nn

from mmautoloss.branches.contracts import refused_by_head
from mmautoloss.branches.loss_names import short_names
from mmautoloss.branches.loss_settings import OF_FORMULAS, carried, channels_of, library_of, lost
from mmautoloss.branches.unsearchable import UNSEARCHABLE


class ModelLoss(NamedTuple):
    """A loss that was discovered in a model.

    Attributes:
        name: Short name, unique in its model, such as ``rpn_cls``.
        path: Path of the module in the model.
        config_path: Path of its settings in the model's config.
        loss: Name of its class.
        inputs: Kind of input with which it can be searched, or None.
        reason: Why it cannot be searched and what would help; '' where it can.
        unknown: Whether its class has no rule, so that the user may name its inputs.
        weight: Its ``loss_weight``.
        settings: Settings that a searched loss takes over from it (``carried``).
        channels: Channels over which it averages where a formula sums, if the head passes no normaliser; 1 for none.
        by_ignored: Whether its divisor counts ignored positions, which that of a formula never does.
    """

    name: str
    path: str
    config_path: str
    loss: str
    inputs: str | None
    reason: str
    unknown: bool = False
    weight: float = 1.0
    settings: Mapping[str, Any] = {}
    channels: int = 1
    by_ignored: bool = False


Verdict = tuple[str | None, str]
"""The kind of input and '', or None and a reason."""


def _cross_entropy(head: nn.Module, loss: nn.Module) -> Verdict:
    if getattr(loss, 'use_mask', False):
        return 'mask', ''
    return ('sigmoid' if getattr(loss, 'use_sigmoid', False) else 'softmax'), ''


def _boxes(head: nn.Module, loss: nn.Module) -> Verdict:
    return ('area' if getattr(head, 'reg_decoded_bbox', False) else 'delta'), ''


def _sigmoid(head: nn.Module, loss: nn.Module) -> Verdict:
    return ('sigmoid' if getattr(loss, 'use_sigmoid', True) else 'softmax'), ''


def _label_smooth(head: nn.Module, loss: Any) -> Verdict:
    return ('sigmoid' if loss.ce.use_sigmoid else 'softmax'), ''


def _dice(head: nn.Module, loss: nn.Module) -> Verdict:
    return ('instance', '') if library_of(loss) == 'mmdet' else _sigmoid(head, loss)


def _lovasz(head: nn.Module, loss: nn.Module) -> Verdict:
    criterion = getattr(loss, 'cls_criterion', None)
    return ('sigmoid' if getattr(criterion, '__name__', '') == 'lovasz_hinge' else 'softmax'), ''


def _simcc(head: nn.Module, loss: nn.Module) -> Verdict:
    masked = getattr(loss, 'mask', None) is not None
    return (None, 'it weighs keypoints by a mask; leave out mask') if masked else ('bins', '')


def _searched(head: nn.Module, loss: Any) -> Verdict:
    reason = lacks_cosines(head) if loss.kind.name == 'cosine' else ''
    return (None, reason) if reason else (loss.kind.name, '')


def lacks_cosines(head: Any) -> str:
    """Why the predictions of a head are no plain cosines, and what helps; '' if they are."""
    if not hasattr(head, 'norm_product'):
        return 'its head passes no cosines; use ArcFaceClsHead, or inputs="softmax"'
    if head.scale != 1 or bool(head.margins.any()):
        return 'its head scales cosines or adds margins itself; set scale=1.0 and margins=0.0 in it'
    return ''


def _always(inputs: str) -> Callable[[nn.Module, nn.Module], Verdict]:
    return lambda head, loss: (inputs, '')


def _never(reason: str) -> Callable[[nn.Module, nn.Module], Verdict]:
    return lambda head, loss: (None, reason)


_RULES: dict[str, Callable[[nn.Module, Any], Verdict]] = {
    **dict.fromkeys(OF_FORMULAS, _searched),
    'CrossEntropyLoss': _cross_entropy,
    'FocalLoss': _sigmoid,
    'DiceLoss': _dice,
    'TverskyLoss': _always('softmax'),
    'LovaszLoss': _lovasz,
    'OhemCrossEntropy': _always('softmax'),
    **dict.fromkeys(('L1Loss', 'SmoothL1Loss', 'MSELoss', 'BalancedL1Loss'), _boxes),
    **dict.fromkeys(
        ('IoULoss', 'GIoULoss', 'DIoULoss', 'CIoULoss', 'EIoULoss', 'SIoULoss', 'BoundedIoULoss'), _always('area')
    ),
    'BCELoss': _always('sigmoid'),
    **dict.fromkeys(('GaussianFocalLoss', 'FocalHeatmapLoss'), _always('peak')),
    **dict.fromkeys(('KeypointMSELoss', 'KeypointOHKMMSELoss', 'AdaptiveWingLoss'), _always('heatmap')),
    **dict.fromkeys(('QualityFocalLoss', 'VarifocalLoss', 'VariFocalLoss'), _always('quality')),
    **dict.fromkeys(
        ('DistributionFocalLoss', 'MLECCLoss', 'JSDiscretLoss', 'KnowledgeDistillationKLDivLoss'), _always('bins')
    ),
    'OKSLoss': _always('keypoint'),
    'TripletLoss': _always('triplet'),
    'KLDiscretLoss': _simcc,
    **dict.fromkeys(('MPJPELoss', 'SoftWeightSmoothL1Loss', 'PixelReconstructionLoss'), _always('delta')),
    'BoundaryLoss': _always('sigmoid'),
    'LabelSmoothLoss': _label_smooth,
    'AsymmetricLoss': _sigmoid,
    **{name: _never(reason) for name, reason in UNSEARCHABLE.items()},
}
"""Rules by class name: the kind of input of a loss, or why it has none."""


def find_losses(model: nn.Module) -> list[ModelLoss]:
    """Every loss of a model, in the order of its modules.

    Args:
        model: A built model of mmdet, mmseg, mmpose or mmpretrain.
    """
    paths = list(_paths(model))
    names = short_names(
        paths, classifies=any(base.__module__.startswith('mmpretrain.') for base in type(model).__mro__)
    )
    return [_judge(model, name, path) for name, path in zip(names, paths, strict=True)]


def _judge(model: nn.Module, name: str, path: str) -> ModelLoss:
    loss, head = model.get_submodule(path), head_of(model, path)
    kind = type(loss).__name__
    verdict = input_of(head, loss, path)
    inputs, reason = verdict or (None, _UNKNOWN.format(kind))
    refused = refused_by_head(model, path) or (lost(loss, head) if inputs or not verdict else '')
    if refused:
        return ModelLoss(name, path, config_path(path), kind, None, refused)
    weight = getattr(loss, 'loss_weight', 1.0)
    return ModelLoss(
        name=name,
        path=path,
        config_path=config_path(path),
        loss=kind,
        inputs=inputs,
        reason=reason,
        unknown=verdict is None,
        weight=float(weight) if isinstance(weight, Real) else 1.0,
        settings=carried(loss, inputs, head) if inputs or not verdict else {},
        channels=_averaged_channels(head, loss, inputs),
        # heads of mmdet always pass a normaliser
        by_ignored=getattr(loss, 'avg_non_ignore', True) is False and library_of(loss) == 'mmseg',
    )


def input_of(head: nn.Module, loss: nn.Module, path: str) -> Verdict | None:
    """The kind of input that a loss reads in a head, whatever its settings.

    Args:
        head: The module that calls the loss.
        loss: The loss, whether or not the head has it now.
        path: Path of the loss in the model.

    Returns:
        The kind and '', or None and why there is none; None if the class of the loss is not known.
    """
    rule = _RULES.get(type(loss).__name__) or _guess_rule(head, loss, path)
    return rule(head, loss) if rule else None


_AVERAGING = (
    ('mmseg', 'sigmoid', 'CrossEntropyLoss'),
    ('mmseg', 'sigmoid', 'FocalLoss'),
    ('mmpose', 'heatmap', 'KeypointMSELoss'),
    ('mmpose', 'heatmap', 'AdaptiveWingLoss'),
    ('mmpose', 'sigmoid', 'BCELoss'),
    ('mmpose', 'bins', 'KLDiscretLoss'),
)
"""Losses that also average over channels, as library, kind of input and class; their heads pass no normaliser."""


def averages_channels(library: str, inputs: str | None, loss: str) -> bool:
    """Whether a loss of a library averages over the channels over which a formula sums."""
    return (library, inputs, loss) in _AVERAGING


def _averaged_channels(head: nn.Module, loss: nn.Module, inputs: str | None) -> int:
    if not averages_channels(library_of(loss), inputs, type(loss).__name__):
        return 1
    return channels_of(head)


_UNKNOWN = 'the calls of {} are not known; if it is called with predictions and targets, name its inputs yourself'


def _guess_rule(head: nn.Module, loss: nn.Module, path: str) -> Callable[[nn.Module, nn.Module], Verdict] | None:
    """The rule for a loss of the user, from the attributes that the libraries' heads read."""
    if hasattr(loss, 'use_sigmoid'):
        return _sigmoid
    return _boxes if 'box' in path.rpartition('.')[2] and hasattr(head, 'reg_decoded_bbox') else None


def head_of(model: nn.Module, path: str) -> nn.Module:
    """The module that calls a loss."""
    parent = model.get_submodule(path.rpartition('.')[0])
    return head_of(model, path.rpartition('.')[0]) if _is_group(parent) else parent


def config_path(path: str) -> str:
    """The path of a loss's settings in the model's config, which mmpose's heads name differently from the module."""
    for module, key in _KEYS:
        path = re.sub(module, key, path)
    return path


_KEYS = (
    (r'\bloss_module\.heatmap_(coupled|decoupled)$', r'\1_heatmap_loss'),
    (r'\bloss_module\.(heatmap|displacement|contrastive)$', r'\1_loss'),
    (r'\bloss_module\.(keypoint_loss|tag_loss)$', r'\1'),
    (r'\broot_loss_module\b', 'loss_root_depth'),
    (r'\bhand_loss_module\b', 'loss_hand_type'),
    (r'\bloss_module\.loss_modules\b', 'loss.losses'),
    (r'\bloss_module\b', 'loss'),
)
_GROUPS = (nn.ModuleList, nn.ModuleDict)
_WRAPPERS = ('MultipleLossWrapper',)
"""Classes of modules that call several losses, each for its own prediction."""


def _paths(model: nn.Module) -> Iterator[str]:
    outer = '.'
    for path, module in model.named_modules():
        within_loss = path.startswith(f'{outer}.')
        if _is_loss(path, module) and not within_loss and not _UNUSED.search(path):
            outer = path
            yield path


_UNUSED = re.compile(r'\b(deconv|simplebaseline|right_hand|left_hand)_head\.|\bteacher(_model)?\.')
"""Heads whose losses are never called: those that other heads of mmpose (SimCC, integral regression, InterNet) use as a
neck, and those of models that teach others."""


def _is_loss(path: str, module: nn.Module) -> bool:
    parent, _, last = path.rpartition('.')
    return not _is_group(module) and ('loss' in last or 'loss' in parent.rpartition('.')[2])


def _is_group(module: nn.Module) -> bool:
    return isinstance(module, _GROUPS) or type(module).__name__ in _WRAPPERS
