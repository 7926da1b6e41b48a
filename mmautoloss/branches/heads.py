"""The losses of a model: where they stand in it and in its config, and whether a search can replace them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from torch import nn

from mmautoloss.branches import loss_kinds
from mmautoloss.branches.attributes import library_of
from mmautoloss.branches.contracts import refused_by_head
from mmautoloss.branches.loss_class import Verdict
from mmautoloss.branches.loss_classes import class_of
from mmautoloss.branches.loss_names import short_names
from mmautoloss.branches.loss_settings import averaged_channels, carried, weight_of
from mmautoloss.branches.setting_checks import lost


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
    return ModelLoss(
        name=name,
        path=path,
        config_path=config_path(path),
        loss=kind,
        inputs=inputs,
        reason=reason,
        unknown=verdict is None,
        weight=weight_of(loss),
        settings=carried(loss, inputs, head) if inputs or not verdict else {},
        channels=averaged_channels(head, loss, inputs),
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
    rule = class_of(loss).verdict or _guess_rule(head, loss, path)
    return rule(head, loss) if rule else None


_UNKNOWN = 'the calls of {} are not known; if it is called with predictions and targets, name its inputs yourself'


def _guess_rule(head: nn.Module, loss: nn.Module, path: str) -> Callable[[nn.Module, nn.Module], Verdict] | None:
    """The rule for a loss of the user, from the attributes that the libraries' heads read."""
    if hasattr(loss, 'use_sigmoid'):
        return loss_kinds.scores
    return loss_kinds.boxes if 'box' in path.rpartition('.')[2] and hasattr(head, 'reg_decoded_bbox') else None


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
