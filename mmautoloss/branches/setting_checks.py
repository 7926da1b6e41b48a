"""Settings of a hand-made loss that no searched loss has, so that it cannot be replaced."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from torch import Tensor, nn

from mmautoloss.branches.attributes import factors_of, ignored_label, inner_of, library_of, numbers_of
from mmautoloss.branches.loss_class import OF_FORMULAS
from mmautoloss.branches.loss_classes import class_of


def lost(loss: nn.Module, head: nn.Module) -> str:
    """Why no searched loss can replace a loss, and what would help; '' if one can.

    Args:
        loss: The loss.
        head: The module that calls it.
    """
    return next(filter(None, (check(loss, head) for check in _CHECKS)), '')


def _check_weight(loss: nn.Module, head: nn.Module) -> str:
    name = class_of(loss).weight
    weight = getattr(loss, name, 1.0)
    if isinstance(weight, Real) and math.isfinite(weight):
        return ''
    return f'its {name} must be one finite number, but is {_shown(weight)}'


def _check_class_weight(loss: nn.Module, head: nn.Module) -> str:
    class_weight = getattr(inner_of(loss), 'class_weight', None)
    if class_weight is not None and numbers_of(class_weight) is None:
        return f'its class_weight must be a list of numbers, but is {_shown(class_weight)}'
    if class_weight is not None and getattr(loss, 'use_mask', False):
        return 'mask losses take class_weight as one of the columns of pixels; leave it out'
    return ''


def _check_ignored(loss: nn.Module, head: nn.Module) -> str:
    ignored, by_head = ignored_label(loss), ignored_label(head)
    if None in (ignored, by_head) or ignored == by_head:
        return ''
    return f'it ignores the label {ignored}, but its head {by_head}; give both the same'


def _check_name(loss: nn.Module, head: nn.Module) -> str:
    name = getattr(loss, 'loss_name', 'loss')
    return '' if 'loss' in str(name) else f'its loss_name {name!r} does not contain "loss", so it trains nothing'


def _check_custom_head(loss: nn.Module, head: nn.Module) -> str:
    if any(getattr(loss, name, False) for name in ('custom_cls_channels', 'custom_activation', 'custom_accuracy')):
        return 'it sizes the output of its head itself; use CrossEntropyLoss in this head'
    return ''


_NEUTRAL = {
    'pos_weight': 1,
    'neg_weight': 1,
    'label_smoothing': 0,
    'label_smooth': 0,
    'label_smooth_val': 0,
    'skip_empty_channel': False,
    'norm_target_weight': False,
    'size_average': True,
}
"""Attributes of losses that change their values or gradients, each with its neutral value."""


def _check_persons(loss: nn.Module, head: nn.Module) -> str:
    mode = class_of(loss).mode
    if mode is None:
        return ''
    if getattr(loss, 'mode', mode) != mode:
        return f'its mode {_shown(loss.mode)} is no sum over keypoints and axes; use mode={mode!r}'
    return "it adds persons, but takes the mean over keypoints; use reduction='mean'" if _is_sum(loss) else ''


def _is_sum(loss: nn.Module) -> bool:
    return getattr(loss, 'reduction', 'mean') == 'sum'


def _check_counts(loss: nn.Module, head: nn.Module) -> str:
    if hasattr(loss, 'cum_samples'):
        return 'it counts the labels that it has seen (seesaw), which a formula does not; use CrossEntropyLoss'
    return ''


def _check_other_settings(loss: nn.Module, head: nn.Module) -> str:
    if type(loss).__name__ in OF_FORMULAS:
        return ''
    if inner_of(loss) is not loss and factors_of(inner_of(loss), 'pos_weight'):
        return 'its pos_weight weighs smoothed labels, which a formula does not know; leave it out'
    if isinstance(getattr(loss, 'alpha', None), (list, tuple, Tensor)):
        return 'its alpha is one of each class, which a formula does not have; give one number'
    for name, neutral in _NEUTRAL.items():
        value = getattr(loss, name, None)
        if name in class_of(loss).in_formula or (name == 'pos_weight' and _takes_factors(loss)):
            continue
        if value is not None and not (isinstance(value, Real) and value == neutral):
            return f'its {name}={_shown(value)} would be lost; leave it out'
    return ''


def _takes_factors(loss: nn.Module) -> bool:
    """Whether ``pos_weight`` of a loss is carried, as factors of the classes, or has no effect."""
    if type(loss).__name__ != 'CrossEntropyLoss' or library_of(loss) != 'mmpretrain':
        return False
    return not getattr(loss, 'use_sigmoid', False) or numbers_of(getattr(loss, 'pos_weight', None)) is not None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f'{text[:50]} ...'


_CHECKS: tuple[Callable[[nn.Module, nn.Module], str], ...] = (
    _check_weight,
    _check_class_weight,
    _check_ignored,
    _check_name,
    _check_custom_head,
    _check_persons,
    _check_counts,
    _check_other_settings,
)
