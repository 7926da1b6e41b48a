"""Settings of a hand-made loss besides its formula that a searched loss takes over."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from torch import nn

from mmautoloss.branches.attributes import (
    IGNORED,
    channels_of,
    default_of,
    factors_of,
    ignored_label,
    inner_of,
    library_of,
)
from mmautoloss.branches.loss_class import OF_FORMULAS
from mmautoloss.branches.loss_classes import LOSS_CLASSES, class_of
from mmautoloss.losses.call_weights import CallWeights
from mmautoloss.losses.temperatures import Temperatures

CARRIED = (
    'class_weight',
    'pos_weight',
    'average',
    'reduction',
    'ignore_index',
    'use_target_weight',
    'loss_name',
    *Temperatures._fields,
    'activated',
    'sigmas',
    *CallWeights._fields,
)
"""Settings of ``SearchedLoss`` that it takes over from the loss that it replaces."""


def carried(loss: nn.Module, inputs: str | None, head: nn.Module) -> dict[str, Any]:
    """The settings that a searched loss takes over from a loss; defaults are left out.

    Args:
        loss: A loss for which ``lost`` gives no reason.
        inputs: Kind of input of the searched loss.
        head: The module that calls it.
    """
    if type(loss).__name__ in OF_FORMULAS:
        return _of_searched(loss)
    return {
        **_class_weights(loss, inputs),
        **_average(loss),
        **class_of(loss).settings(loss, head),
        **({'activated': True} if class_of(loss).probabilities(loss) else {}),
        **_labels_and_weights(loss),
        **_name(loss),
    }


def _of_searched(loss: Any) -> dict[str, Any]:
    settings = {
        **loss.counts._asdict(),
        **loss.temperatures._asdict(),
        'loss_name': loss.loss_name,
        'activated': loss.activated,
        'sigmas': loss.sigmas,
        **loss.call_weights._asdict(),
        **_average(loss),
    }
    return {key: value for key, value in settings.items() if value != default_of(loss, key)}


def _average(loss: nn.Module) -> dict[str, Any]:
    """No divisor where the head divides by a number of its own, and no sum where it reads values one by one."""
    reduction = getattr(loss, 'reduction', 'mean')
    if reduction == 'none' and not class_of(loss).one_value:
        return {'reduction': 'none'}
    return {'average': 'sum'} if reduction == 'sum' else {}


def _labels_and_weights(loss: nn.Module) -> dict[str, Any]:
    ignored = ignored_label(loss)
    known = (None, *(default_of(loss, name) for name in IGNORED))
    settings: dict[str, Any] = {} if ignored in known else {'ignore_index': ignored}
    if getattr(loss, 'use_target_weight', True) is False and not class_of(loss).always_weighed:
        settings['use_target_weight'] = False
    return settings


def _name(loss: nn.Module) -> dict[str, Any]:
    name = getattr(loss, 'loss_name', None)
    return {'loss_name': name} if isinstance(name, str) and name != default_of(loss, 'loss_name') else {}


def _class_weights(loss: nn.Module, inputs: str | None) -> dict[str, Any]:
    """Class weights: binary cross-entropies apply them where ``y`` is 1, mmseg's cross-entropy also divides by them.

    mmpretrain has names for both, and its binary cross-entropy applies class weights where ``y`` is 0, too.
    """
    loss = inner_of(loss)
    factors = factors_of(loss, 'class_weight')
    if library_of(loss) == 'mmpretrain':
        positive = factors_of(loss, 'pos_weight') if inputs == 'sigmoid' else None
        weights = {'class_weight': factors, 'pos_weight': positive}
        return {name: values for name, values in weights.items() if values}
    if not factors:
        return {}
    cross_entropy = type(loss).__name__ == 'CrossEntropyLoss'
    if cross_entropy and inputs == 'sigmoid':
        return {'pos_weight': factors}
    by_weight = cross_entropy and library_of(loss) == 'mmseg'
    return {'class_weight': factors} | ({'average': 'class_weight'} if by_weight else {})


def weight_of(loss: nn.Module) -> float:
    """The weight of a loss; 1 if it has none."""
    weight = getattr(loss, class_of(loss).weight, 1.0)
    return float(weight) if isinstance(weight, Real) else 1.0


def averages_channels(library: str, inputs: str | None, loss: str) -> bool:
    """Whether a loss of a library averages over the channels over which a formula sums; its heads pass no normaliser."""
    averaging: Mapping[str, Any] = (LOSS_CLASSES[loss].averaging if loss in LOSS_CLASSES else None) or {}
    return inputs in averaging.get(library, ())


def averaged_channels(head: nn.Module, loss: nn.Module, inputs: str | None) -> int:
    """The channels over which a loss averages; 1 if it does not."""
    return channels_of(head) if averages_channels(library_of(loss), inputs, type(loss).__name__) else 1
