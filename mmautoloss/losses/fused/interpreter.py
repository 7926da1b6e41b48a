"""Evaluation of a plan, and its reverse: plain tensor code without autograd.

Example:
    >>> from mmautoloss.losses.fused.plan import plan_of
    >>> from mmautoloss.expr.parsing import parse
    >>> plan = plan_of(parse('p ** 2'), frozenset('p'), False, torch.float32)
    >>> p = torch.full((1, 1, 1, 1), 3.0)
    >>> values, gradients = [None, None], {1: torch.ones(())}
    >>> evaluate(plan, plan.everything, values, Inputs({'p': p}, None, 1))
    >>> pull_back(plan, plan.everything, values, Inputs({'p': p}, None, 1), gradients)
    >>> values[1].item(), gradients[0].item()
    (9.0, 6.0)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import torch
from torch import Tensor

from mmautoloss.expr.operators import OPERATORS, means
from mmautoloss.expr.operators.means import CHANNELS, POSITIONS
from mmautoloss.losses.fused.plan import Plan

Shape = tuple[int, ...]

_FUNCTIONS = {name: operator.primitive.function for name, operator in OPERATORS.items()}
_FUNCTIONS |= {'sub': torch.sub, 'rsub': torch.rsub}
_DERIVATIVES = {name: operator.derivatives for name, operator in OPERATORS.items()}
_DERIVATIVES |= {
    'sub': (lambda gradient, x, z, value: gradient, lambda gradient, x, z, value: -gradient),
    'rsub': (lambda gradient, x, z, value: -gradient, lambda gradient, x, z, value: gradient),
}
"""Those of the table, and of differences, which only plans have."""


class Inputs(NamedTuple):
    """What the instructions of a plan read, of all positions or of a block.

    Attributes:
        tensors: By name, (N, C, H, W); ``label`` (N, 1, H, W), int64.
        valid: Which elements count, broadcastable, or None where all do.
        counts: How many do a channel, (1, C or 1, 1, 1) or a number.
        channels: C, where there is a label.
    """

    tensors: Mapping[str, Tensor]
    valid: Tensor | None
    counts: Tensor | int
    channels: int = 1


def evaluate(plan: Plan, order: Iterable[int], values: list, inputs: Inputs) -> None:
    """Fills in the values of the instructions in ``order``; those that they need and that are not among them are there."""
    instructions, tensors = plan.instructions, inputs.tensors
    for index in order:
        node, operands, *_ = instructions[index]
        if not operands:
            values[index] = tensors[node]
        elif node in _LOOKS_AROUND:
            values[index] = _LOOKS_AROUND[node](values[operands[0]], inputs)
        elif len(operands) == 1:
            values[index] = _FUNCTIONS[node](values[operands[0]])
        else:
            values[index] = _FUNCTIONS[node](values[operands[0]], values[operands[1]])


def channel_sum(x: Tensor, valid: Tensor | None) -> Tensor:
    """The sum over the positions that count, (1, C, 1, 1)."""
    return means.total(x, valid, POSITIONS)


def _mean_nhw(x: Tensor, inputs: Inputs) -> Tensor:
    return channel_sum(x, inputs.valid) / inputs.counts


def _mean_c(x: Tensor, inputs: Inputs) -> Tensor:
    if _by_channel(inputs.valid):
        return means.total(x, inputs.valid, CHANNELS) / means.count(inputs.valid, CHANNELS)
    return x.mean(dim=1, keepdim=True)


def _by_channel(valid: Tensor | None) -> TypeGuard[Tensor]:
    return valid is not None and valid.shape[1] > 1


def _at(x: Tensor, inputs: Inputs) -> Tensor:
    if x.shape[1] == 1:  # the same in all channels, as a mean over positions of one over channels is
        return x
    label = inputs.tensors['label']
    return x.expand(label.shape[0], -1, *label.shape[2:]).gather(1, label)


def _spread(x: Tensor, inputs: Inputs) -> Tensor:
    label, (count, _, height, width) = inputs.tensors['label'], x.shape
    empty = x.new_zeros(count, inputs.channels, height, width)
    return empty.scatter_(1, label, x)


def _share(x: Tensor, inputs: Inputs) -> Tensor:
    return x / inputs.channels


_LOOKS_AROUND = {'mean_nhw': _mean_nhw, 'mean_c': _mean_c, 'at': _at, 'spread': _spread, 'share': _share}


def pull_back(plan: Plan, order: Sequence[int], values: list, inputs: Inputs, gradients: dict[int, Tensor]) -> None:
    """Carries gradients from results to operands.

    Args:
        plan: The plan.
        order: Instructions that were evaluated.
        values: Their values, and those of what they read.
        inputs: As for ``evaluate``.
        gradients: Those of the results, by index, of the shape of the value or a smaller one that stands for it;
            afterwards those of the inputs and of the means that ``order`` takes as known.
    """
    instructions = plan.instructions
    for index in reversed(order):
        node, operands, *_ = instructions[index]
        if not operands or index not in gradients:
            continue
        gradient, value = gradients.pop(index), values[index]
        read = [values[operand] for operand in operands]
        for position, operand in enumerate(operands):
            if instructions[operand].active:
                if node in _BACK_AROUND:
                    part = _BACK_AROUND[node](gradient, read[0], inputs)
                else:
                    part = _DERIVATIVES[node][position](gradient, *read, value)
                if len(operands) == 2:
                    part = _like(part, value, read[position], inputs)
                gradients[operand] = gradients[operand] + part if operand in gradients else part


def _like(gradient: Tensor, value: Tensor, operand: Tensor, inputs: Inputs) -> Tensor:
    """The gradient of an operand that may have been broadcast."""
    if value.shape == operand.shape:
        return gradient
    return reduced(gradient, value.shape, operand.shape, inputs.valid)


def reduced(gradient: Tensor, full: Shape, shape: Shape, valid: Tensor | None = None) -> Tensor:
    """Sum of a gradient over the dimensions along which an operand was copied.

    Args:
        gradient: Stands for one of the shape ``full``, and may have 1 where it is the same all over, or be a scalar.
        full: Shape of the result.
        shape: Shape of the operand.
        valid: Which elements count. The gradient of the others is 0, or 0 * NaN.
    """
    dims, factor = [], 1
    for dim, (size, own) in enumerate(zip(full, shape, strict=True)):
        if size != own:
            if gradient.dim() and gradient.shape[dim] == size:
                dims.append(dim)
            else:
                factor *= size
    if dims:
        gradient = gradient if valid is None else torch.where(_counting_in(full, valid), gradient, 0)
        gradient = gradient.sum(dim=dims, keepdim=True)
    return gradient if factor == 1 else gradient * factor


def _counting_in(full: Shape, valid: Tensor) -> Tensor:
    """Which values of a shape count: of what is one for several elements, such as a mean, where any of these does."""
    dims = [dim for dim, size in enumerate(full) if size == 1 and valid.shape[dim] > 1]
    return valid.any(dim=dims, keepdim=True) if dims else valid


def mean_seed(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    """Gradient of what a mean over the positions is of: a value for all elements that count, and 0 for the others."""
    return _over_channels(means.share(gradient, inputs.counts, inputs.valid), x)


def _over_channels(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient of what may be one value for all channels, though which of them count differs."""
    if x.shape[1] == 1 and gradient.dim() and gradient.shape[1] > 1:
        return gradient.sum(dim=1, keepdim=True)
    return gradient


def _mean_c_back(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    if not _by_channel(inputs.valid):
        return gradient / x.shape[1]
    return _over_channels(means.share(gradient, means.count(inputs.valid, CHANNELS), inputs.valid), x)


def _at_back(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    if x.shape[1] == 1:
        return gradient
    label = inputs.tensors['label']
    full = x.new_zeros(label.shape[0], x.shape[1], *label.shape[2:])
    full.scatter_(1, label, gradient.expand(label.shape))
    return full if full.shape == x.shape else reduced(full, full.shape, x.shape, inputs.valid)


def _spread_back(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    if gradient.dim() == 0 or gradient.shape[1] == 1:  # the same in all channels
        return gradient
    return _at(gradient, inputs)


def _share_back(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    return gradient / inputs.channels


_BACK_AROUND = {
    'mean_nhw': mean_seed,
    'mean_c': _mean_c_back,
    'at': _at_back,
    'spread': _spread_back,
    'share': _share_back,
}
