"""What a call of ``SearchedLoss`` means, said element by element: what counts, what is read, what it is divided by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from tests.test_losses.fuzz.calls import Call
from tests.test_losses.fuzz.graph import Graph
from tests.test_losses.fuzz.rounding import COPIES, Rounding

SUMMED = ('softmax', 'area', 'mask')
"""Kinds of which a value without reduction is that of a row or pixel, as of the libraries' losses; else of an element."""


class Reading(NamedTuple):
    """What a call says of each element (N, C, H, W).

    Attributes:
        counts: Whether it counts.
        weight: Its weight.
        labelled: Whether its position is labelled, (N, H, W).
        y: Its target; 0 without a meaning.
    """

    counts: Tensor
    weight: Tensor
    labelled: Tensor
    y: Tensor


class Result(NamedTuple):
    """A loss and its gradient, in all copies.

    Attributes:
        value: (COPIES,), without reduction (COPIES, ...).
        gradient: That of the value, or of the sum of the values times ``ramp``, (COPIES, *shape of the prediction).
        largest: The largest number on the way.
        torn: Whether rounding decides where the gradient goes.
    """

    value: Tensor
    gradient: Tensor
    largest: float
    torn: bool


def ramp(values: Tensor) -> Tensor:
    """Weights by which values without reduction are summed, so that no two can be exchanged unseen."""
    return torch.linspace(1, 2, values.numel(), dtype=values.dtype).view(values.shape)


def evaluate(tree: Tree, call: Call, rounding: Rounding) -> Result:
    """The loss of a call and its gradient, in float64."""
    read = reading(call)
    raw = call.pred.double().expand(COPIES, *call.pred.shape).clone().requires_grad_()
    inputs = INPUTS[call.kind](_used(call, raw, read.counts), call, read, rounding)
    elements = Graph(inputs, read.counts, rounding).value(tree) * read.weight
    elements = torch.where(read.counts, rounding(elements), 0) * call.settings['loss_weight']
    value = _reduced(elements, call, read)
    total = (value * ramp(value[0])).sum() if call.reduction == 'none' else value.sum()
    gradient = torch.autograd.grad(total, raw)[0] if total.requires_grad else torch.zeros_like(raw)
    return Result(value.detach(), gradient, rounding.largest, rounding.torn)


def reading(call: Call) -> Reading:
    """What counts and how much."""
    count, channels, height, width = shape = _shape(call)
    weight, y = torch.ones(shape, dtype=torch.float64), torch.zeros(shape, dtype=torch.float64)
    labelled, counts = torch.ones(count, height, width, dtype=torch.bool), torch.ones(shape, dtype=torch.bool)
    labels = call.target.dim() < call.pred.dim() and call.kind in ('softmax', 'sigmoid')
    if labels:
        target = call.target.view(labelled.shape)
        labelled = (target >= 0) & (target != (-1 if call.ignored is None else call.ignored))
        if call.kind == 'softmax':
            labelled &= target < channels
        of_class = [1] if call.kind == 'sigmoid' and channels == 1 and call.pred.dim() == 4 else range(channels)
        y = torch.stack([(target == label) for label in of_class], dim=1).double()
    elif call.kind != 'area':
        y = call.target.double().view(shape)  # of softmax rows, soft targets, of which each row counts
        if call.kind == 'sigmoid':
            counts = (y >= 0) & (y != (-1 if call.ignored is None else call.ignored))
            labelled, y = counts.any(dim=1), y.where(counts, 0)
    if call.weight is not None and call.kind != 'mask' and call.settings['use_target_weight']:
        weight = _weight(call, shape)
        counts = counts & (weight != 0)
    if 'pos_weight' in call.settings:
        weight = weight * (1 + (_factors(call.settings['pos_weight']) - 1) * y)
    if call.settings['class_weight'] is not None:
        weight = weight * _factors(call.settings['class_weight'])
    return Reading(counts & labelled[:, None], weight, labelled, y)


def divisor(call: Call, read: Reading) -> float:
    """What a mean is divided by: the number that the head gives, else that of labelled positions or their classes."""
    if 'avg_factor' in call.options:
        return float(call.options['avg_factor'] + torch.finfo(torch.float32).eps)
    if call.settings.get('average') == 'class_weight':
        of_labels = (read.y * _factors(call.settings['class_weight'])).sum(dim=1)
        return float(of_labels[read.labelled].sum()) + torch.finfo(torch.float32).eps
    return max(int(read.labelled.sum()), 1)


def _factors(of_channels: list[float]) -> Tensor:
    return torch.tensor(of_channels, dtype=torch.float64).view(1, -1, 1, 1)


def _shape(call: Call) -> tuple[int, int, int, int]:
    count, *others = call.pred.shape
    channels = 1 if call.kind in ('area', 'mask') or not others else others[0]
    return count, channels, *(others[1:] or (1, 1))


def _weight(call: Call, shape: tuple[int, ...]) -> Tensor:
    """The weight of every element; of a box the mean over its sides."""
    weight = call.weight.double()
    if call.kind == 'area' and weight.dim() == 2:
        weight = weight.mean(dim=1)
    if weight.dim() == 3:
        weight = weight[:, None]
    return weight.reshape(*weight.shape, *[1] * (4 - weight.dim())).expand(shape)


def _used(call: Call, raw: Tensor, counts: Tensor) -> Tensor:
    """The predictions that are looked at, (COPIES, N, C, H, W), boxes (COPIES, N, 4); 0 where nothing counts."""
    if call.kind == 'area':
        return torch.where(counts[:, :, 0, 0], raw, 0)
    if call.kind == 'mask':
        raw = raw[:, torch.arange(len(call.pred)), call.weight.long()][:, :, None]
    return torch.where(counts, raw.reshape(COPIES, *counts.shape), 0)


def _reduced(elements: Tensor, call: Call, read: Reading) -> Tensor:
    if call.reduction != 'none':
        return elements.sum(dim=(1, 2, 3, 4)) / (1 if call.reduction == 'sum' else divisor(call, read))
    shape = call.pred.shape
    if call.kind in SUMMED:
        return elements.sum(dim=2).view(COPIES, shape[0], *shape[2:])
    return elements.view(COPIES, *(call.target.shape if call.pred.dim() == 4 and shape[1] == 1 else shape))


def _softmax(raw: Tensor, call: Call, read: Reading, rounding: Rounding) -> dict[str, Tensor]:
    below = rounding(raw - raw.detach().amax(dim=2, keepdim=True))
    powers = rounding(rounding.used(below).exp())
    apart = 1 - torch.eye(raw.shape[2], dtype=torch.float64)
    others = rounding(torch.einsum('kncij,cd->kndij', rounding.used(powers), apart))
    found = {'p': rounding(rounding.used(powers) / rounding(rounding.used(powers).sum(dim=2, keepdim=True)))}
    total = rounding(rounding(rounding.used(powers).sum(dim=2, keepdim=True)).log(), 1)
    found['log p'] = rounding(rounding.used(below) - total, below.detach().abs() + total.detach().abs())
    found['log 1-p'] = -rounding(torch.log1p(rounding(rounding.used(powers) / others)))
    return found | {'y': read.y.expand(raw.shape), 'raw': raw}


def _sigmoid(raw: Tensor, call: Call, read: Reading, rounding: Rounding) -> dict[str, Tensor]:
    x = rounding(raw)
    p = rounding(1 / (1 + rounding((-x).exp())))
    logarithms = {'log p': -_softplus(-x, rounding), 'log 1-p': -_softplus(x, rounding)}
    return {'p': p, 'y': read.y.expand(raw.shape), 'raw': raw, **logarithms}


def _softplus(x: Tensor, rounding: Rounding) -> Tensor:
    """log(1 + exp(x)), exact also where it is small."""
    return rounding(torch.log1p(rounding(x.exp())))


def _values(raw: Tensor, call: Call, read: Reading, rounding: Rounding) -> dict[str, Tensor]:
    return {'p': raw, 'y': read.y.expand(raw.shape)}


def _areas(raw: Tensor, call: Call, read: Reading, rounding: Rounding) -> dict[str, Tensor]:
    """Areas as mmdet's ``bbox_overlaps`` has them, in areas of the target."""
    target = torch.where(read.counts[:, :, 0, 0], call.target.double(), 1).expand(raw.shape)
    larger, smaller = torch.maximum(rounding.used(raw), target), torch.minimum(rounding.used(raw), target)
    wanted = (target[..., 2:] - target[..., :2]).prod(dim=-1)
    own = rounding.used(raw)
    own = rounding(rounding(own[..., 2:] - own[..., :2]).prod(dim=-1))
    common = rounding(
        rounding((rounding.used(smaller)[..., 2:] - rounding.used(larger)[..., :2]).clamp(min=0)).prod(dim=-1)
    )
    around = rounding(
        rounding((rounding.used(larger)[..., 2:] - rounding.used(smaller)[..., :2]).clamp(min=0)).prod(dim=-1)
    )
    areas = {'i': common, 'u': rounding(own + wanted - common).clamp(min=1e-6), 'e': around.clamp(min=1e-6)}
    return {name: rounding(area / wanted.clamp(min=1e-6))[:, :, None, None, None] for name, area in areas.items()}


INPUTS: Mapping[str, Callable[[Tensor, Call, Reading, Rounding], dict[str, Tensor]]] = {
    'softmax': _softmax,
    'sigmoid': _sigmoid,
    'mask': _sigmoid,
    'heatmap': _values,
    'delta': _values,
    'area': _areas,
}
"""The named inputs (COPIES, N, C, H, W) of the predictions that are looked at."""
