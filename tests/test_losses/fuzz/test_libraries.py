"""Known losses equal the libraries' own classes over random calls: sure logits, weights, ignored labels, divisors."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from mmautoloss.losses import SearchedLoss, known_loss
from tests.test_losses.fuzz.calls import Call, draw_call
from tests.test_losses.fuzz.test_calls import CASES

det = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
seg = pytest.importorskip('mmseg.models.losses', exc_type=ImportError)
pose = pytest.importorskip('mmpose.models.losses', exc_type=ImportError)

IGNORED = 255
TOLERANCE = {torch.float64: 1e-6, torch.float32: 2e-5}
"""Of the largest number; libraries keep weights and targets in float32."""


class Pair(NamedTuple):
    """A loss of a library and ours.

    Attributes:
        theirs: Makes the library's, of class weights or None.
        name: Name of the known loss.
        form: The form of call.
        elements: Whether the library's mean is one over elements.
        weighs: How class weights are called here; '' if there are none.
        slack: What their value may be off, by the logit: that of x - x * y, which is computed in float32.
    """

    theirs: Callable[[Any], nn.Module]
    name: str
    form: str
    elements: bool = False
    weighs: str = ''
    slack: float = 0.0


LABELS = {'ignore_index': IGNORED, 'avg_non_ignore': True}
PAIRS = {
    'mmdet cross-entropy': Pair(
        lambda factors: det.CrossEntropyLoss(class_weight=factors, **LABELS),
        'ce',
        'softmax rows',
        False,
        'class_weight',
    ),
    'mmdet binary cross-entropy': Pair(
        lambda factors: det.CrossEntropyLoss(use_sigmoid=True, class_weight=factors, **LABELS),
        *('bce', 'sigmoid rows, labels', True, 'pos_weight', 3e-7),
    ),
    'mmseg cross-entropy': Pair(
        lambda factors: seg.CrossEntropyLoss(class_weight=factors, avg_non_ignore=True),
        *('ce', 'softmax maps', False, 'class_weight'),
    ),
    'mmdet L1': Pair(lambda _: det.L1Loss(), 'l1', 'delta', True),
    'mmdet smooth L1': Pair(lambda _: det.SmoothL1Loss(), 'smooth_l1', 'delta', True),
    'mmdet squares': Pair(lambda _: det.MSELoss(), 'mse', 'delta', True),
    'mmdet GIoU': Pair(lambda _: det.GIoULoss(eps=1e-6), 'giou', 'area'),
    'mmdet IoU': Pair(lambda _: det.IoULoss(mode='linear', eps=0), 'iou', 'area'),
    'mmpose squares': Pair(lambda _: pose.KeypointMSELoss(use_target_weight=True), 'mse', 'heatmap', True),
}


def draw(pair: Pair, rng: Random, dtype: torch.dtype) -> tuple[Call, Any]:
    """A call that the library takes as well, and factors of classes."""
    call = draw_call(pair.form, rng, dtype)
    while not call.pred.numel():
        call = draw_call(pair.form, rng, dtype)
    channels, factors = call.pred.shape[1], None
    if pair.weighs and rng.random() < 0.4:
        factors = [rng.choice((0.0, 0.25, 1.0, 3.0)) for _ in range(channels)]
    target, weight = call.target, call.weight
    if pair.weighs:
        known = (target >= 0) & (target < channels + (pair.weighs == 'pos_weight'))
        target = target.masked_fill(~known, 0 if pair.form == 'softmax maps' and factors else IGNORED)  # theirs fails
        weight = weight if weight is None or pair.form == 'softmax maps' else weight.view(len(weight), -1)[:, 0]
    if pair.form == 'delta' and weight is not None:
        weight = weight.view(len(weight), -1).expand(call.pred.shape)
    if pair.form == 'heatmap' and weight is None:
        weight = torch.ones(call.pred.shape[:2], dtype=dtype)
    options = {'reduction_override': rng.choice(('mean', 'sum', 'none'))}
    if weight is not None and not weight.any():  # theirs is a number then, whatever the reduction
        options['reduction_override'] = 'mean'
    if 'avg_factor' in call.options and options['reduction_override'] == 'mean':
        options['avg_factor'] = call.options['avg_factor']
    return call._replace(target=target, weight=weight, options={} if pair.form == 'heatmap' else options), factors


def ours(pair: Pair, call: Call, factors: Any) -> SearchedLoss:
    """The known loss, with the library's mean."""
    settings: dict[str, Any] = {'ignore_index': IGNORED} if pair.weighs else {}
    mean = call.options.get('reduction_override', 'mean') == 'mean' and 'avg_factor' not in call.options
    if factors is not None:
        settings[pair.weighs] = factors
        if pair.form == 'softmax maps' and mean:
            settings['average'] = 'class_weight'
    scale = 1 / call.pred.shape[1] if pair.elements and mean else 1.0
    return SearchedLoss(known_loss(pair.name, call.kind), call.kind, loss_weight=scale, **settings)


def both(loss: nn.Module, call: Call, **more: Any) -> tuple[Tensor, Tensor]:
    """Value and gradient."""
    pred = call.pred.clone().requires_grad_()
    value = loss(pred, call.target, call.weight, **call.options, **more)
    ramp = torch.linspace(1, 2, value.numel(), dtype=value.dtype).view(value.shape)
    return value.detach(), torch.autograd.grad((value * ramp).sum(), pred)[0]


@pytest.mark.parametrize('name', PAIRS)
def test_value_and_gradient_are_those_of_the_library(name: str) -> None:
    pair, rng = PAIRS[name], Random(name)
    for _ in range(CASES // (4 * len(PAIRS))):
        call, factors = draw(pair, rng, rng.choice((torch.float64, torch.float32)))
        more = {'ignore_index': IGNORED} if pair.form == 'softmax maps' else {}
        wanted, found = both(pair.theirs(factors), call, **more), both(ours(pair, call, factors), call)
        for part, one, other in zip(('value', 'gradient'), found, wanted, strict=True):
            slack = pair.slack * float(call.pred.abs().sum()) / min(float(call.options.get('avg_factor', 1)) + 1e-7, 1)
            allowed = TOLERANCE[call.pred.dtype] * float(other.abs().max().clamp(min=1e-6)) + slack * (part == 'value')
            assert one.shape == other.shape and float((one - other).abs().max()) <= allowed, (
                f'{part} {one} and not {other}: {call}, {factors}'
            )
