"""Settings of a hand-made loss besides its formula: those that a searched loss takes over, and those that it cannot."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from numbers import Real
from typing import Any

from torch import Tensor, nn

from mmautoloss.losses.temperatures import Temperatures

OF_FORMULAS = ('SearchedLoss', 'LossMixture')
"""Classes of losses of this package."""

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
        searched: Any = loss
        settings = {
            **searched.counts._asdict(),
            **searched.temperatures._asdict(),
            'loss_name': searched.loss_name,
            'activated': searched.activated,
            'sigmas': searched.sigmas,
            **_average(loss),
        }
        return {key: value for key, value in settings.items() if value != _default(loss, key)}
    settings = _class_weights(loss, inputs) | _average(loss) | _temperatures(loss)
    if reads_probabilities(loss):
        settings['activated'] = True
    if type(loss).__name__ == 'OKSLoss':
        settings['sigmas'] = _sigmas(loss, head)
    ignored = _ignored(loss)
    if ignored not in (None, *(_default(loss, name) for name in _IGNORED)):
        settings['ignore_index'] = ignored
    # these use weights whatever their setting
    if getattr(loss, 'use_target_weight', True) is False and type(loss).__name__ not in _WEIGHED:
        settings['use_target_weight'] = False
    name = getattr(loss, 'loss_name', None)
    if isinstance(name, str) and name != _default(loss, 'loss_name'):
        settings['loss_name'] = name
    return settings


def _sigmas(loss: nn.Module, head: nn.Module) -> list[float]:
    """The constants of keypoints; 1/2 without a description of the data set, which makes the unit the root of the area."""
    sigmas = _numbers(getattr(loss, 'sigmas', None))
    return sigmas or [0.5] * getattr(head, 'num_keypoints', 1)


def channels_of(head: nn.Module) -> int:
    """The number of channels of the maps that a head predicts, such as classes or keypoints; 1 if it has none."""
    names = ('out_channels', 'num_classes', 'num_joints')
    return next((number for name in names if isinstance(number := getattr(head, name, None), int)), 1)


OF_DISTRIBUTIONS = ('MLECCLoss', 'JSDiscretLoss')
"""Classes of losses whose heads always pass distributions over bins."""

_OF_PROBABILITIES = ('GaussianFocalLoss', 'FocalHeatmapLoss', *OF_DISTRIBUTIONS)
"""Classes of losses whose heads always pass probabilities."""


def reads_probabilities(loss: nn.Module) -> bool:
    """Whether the head of a loss passes probabilities in place of logits."""
    name = type(loss).__name__
    if name in OF_FORMULAS:  # of which the settings are kept as they are
        return False
    if name == 'BCELoss':  # of mmpose
        return bool(getattr(loss, 'use_sigmoid', False))
    return name in _OF_PROBABILITIES or bool(getattr(loss, 'activated', False)) or not getattr(loss, 'activate', True)


def _temperatures(loss: nn.Module) -> dict[str, Any]:
    """The factors of distributions over bins, of a loss that divides a sum by the number of keypoints alone."""
    factors: Any = loss
    if type(loss).__name__ == 'KnowledgeDistillationKLDivLoss':
        return Temperatures(1 / factors.T, 1 / factors.T).changed
    if type(loss).__name__ != 'KLDiscretLoss':
        return {}
    label_beta = factors.label_beta if factors.label_softmax else None
    return {'average': 'sum', **Temperatures(factors.beta, label_beta).changed}


_WEIGHED = ('KeypointMSELoss', 'FocalHeatmapLoss')


def _average(loss: nn.Module) -> dict[str, Any]:
    """No divisor where the head divides by a number of its own, and no sum where it reads values one by one."""
    if type(loss).__name__ == 'PixelReconstructionLoss':
        return {'average': 'weights'}
    reduction = getattr(loss, 'reduction', 'mean')
    if reduction == 'none' and type(loss).__name__ not in _ONE_VALUE:
        return {'reduction': 'none'}
    return {'average': 'sum'} if reduction == 'sum' else {}


_ONE_VALUE = ('LovaszLoss', 'OKSLoss', 'MLECCLoss')
"""Classes of losses that mean one value a batch, image or person by no reduction."""


def _class_weights(loss: nn.Module, inputs: str | None) -> dict[str, Any]:
    """Class weights: binary cross-entropies apply them where ``y`` is 1, mmseg's cross-entropy also divides by them.

    mmpretrain has names for both, and its binary cross-entropy applies class weights where ``y`` is 0, too.
    """
    loss = _inner(loss)
    factors = _factors(loss, 'class_weight')
    if library_of(loss) == 'mmpretrain':
        positive = _factors(loss, 'pos_weight') if inputs == 'sigmoid' else None
        weights = {'class_weight': factors, 'pos_weight': positive}
        return {name: values for name, values in weights.items() if values}
    if not factors:
        return {}
    cross_entropy = type(loss).__name__ == 'CrossEntropyLoss'
    if cross_entropy and inputs == 'sigmoid':
        return {'pos_weight': factors}
    by_weight = cross_entropy and library_of(loss) == 'mmseg'
    return {'class_weight': factors} | ({'average': 'class_weight'} if by_weight else {})


def _inner(loss: nn.Module) -> nn.Module:
    """The loss that has the class weights: mmpretrain's label smoothing calls a cross-entropy."""
    return loss.ce if type(loss).__name__ == 'LabelSmoothLoss' and isinstance(loss.ce, nn.Module) else loss


def library_of(loss: nn.Module) -> str:
    """The name of the package that has the class of a loss."""
    return type(loss).__module__.partition('.')[0]


def _factors(loss: nn.Module, name: str) -> list[float] | None:
    """Factors of the classes that are not all 1."""
    factors = _numbers(getattr(loss, name, None))
    return factors if any(factor != 1 for factor in factors or ()) else None


def _numbers(values: Any) -> list[float] | None:
    """Values as finite floats; None if they are not."""
    if isinstance(values, (str, bytes)):
        return None
    try:
        factors = [float(factor) for factor in values]
    except (TypeError, ValueError):
        return None
    return factors if all(map(math.isfinite, factors)) else None


def _default(loss: nn.Module, name: str) -> Any:
    """The default of an argument of a loss; None if there is none."""
    for base in type(loss).__mro__:
        call = inspect.signature(base.__init__)  # type: ignore[misc]  # of a class, which mypy takes for an instance
        argument = call.parameters.get(name)
        if argument is not None and argument.default is not inspect.Parameter.empty:
            return argument.default
    return None


_IGNORED = ('ignore_index', 'ignore_label')


def _ignored(module: nn.Module) -> int | None:
    return next((getattr(module, name) for name in _IGNORED if hasattr(module, name)), None)


def lost(loss: nn.Module, head: nn.Module) -> str:
    """Why no searched loss can replace a loss, and what would help; '' if one can.

    Args:
        loss: The loss.
        head: The module that calls it.
    """
    return next(filter(None, (check(loss, head) for check in _CHECKS)), '')


def _check_weight(loss: nn.Module, head: nn.Module) -> str:
    weight = getattr(loss, 'loss_weight', 1.0)
    if isinstance(weight, Real) and math.isfinite(weight):
        return ''
    return f'its loss_weight must be one finite number, but is {_shown(weight)}'


def _check_class_weight(loss: nn.Module, head: nn.Module) -> str:
    class_weight = getattr(_inner(loss), 'class_weight', None)
    if class_weight is not None and _numbers(class_weight) is None:
        return f'its class_weight must be a list of numbers, but is {_shown(class_weight)}'
    if class_weight is not None and getattr(loss, 'use_mask', False):
        return 'mask losses take class_weight as one of the columns of pixels; leave it out'
    return ''


def _check_ignored(loss: nn.Module, head: nn.Module) -> str:
    ignored, by_head = _ignored(loss), _ignored(head)
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


_OF_PERSONS = {'OKSLoss': 'linear', 'MLECCLoss': 'log'}
"""Classes of losses that compare a person as a whole, each with the mode in which that is a sum over keypoints or axes."""


def _check_persons(loss: nn.Module, head: nn.Module) -> str:
    mode = _OF_PERSONS.get(type(loss).__name__)
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
    if _inner(loss) is not loss and _factors(_inner(loss), 'pos_weight'):
        return 'its pos_weight weighs smoothed labels, which a formula does not know; leave it out'
    if isinstance(getattr(loss, 'alpha', None), (list, tuple, Tensor)):
        return 'its alpha is one of each class, which a formula does not have; give one number'
    for name, neutral in _NEUTRAL.items():
        value = getattr(loss, name, None)
        if name in _PART_OF_FORMULA.get(type(loss).__name__, ()) or (name == 'pos_weight' and _takes_factors(loss)):
            continue
        if value is not None and not (isinstance(value, Real) and value == neutral):
            return f'its {name}={_shown(value)} would be lost; leave it out'
    return ''


_PART_OF_FORMULA = {'LabelSmoothLoss': ('label_smooth_val',)}
"""Attributes in the table above that a formula has itself, by class."""


def _takes_factors(loss: nn.Module) -> bool:
    """Whether ``pos_weight`` of a loss is carried, as factors of the classes, or has no effect."""
    if type(loss).__name__ != 'CrossEntropyLoss' or library_of(loss) != 'mmpretrain':
        return False
    return not getattr(loss, 'use_sigmoid', False) or _numbers(getattr(loss, 'pos_weight', None)) is not None


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
