"""Forward and backward evaluation of a plan in plain tensor code, without autograd.

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
"""Derivatives of all operators, and of differences, which only plans have."""


class Inputs(NamedTuple):
    """The tensors that the instructions of a plan read, of all positions or of a block.

    Attributes:
        tensors: By name, (N, C, H, W); ``label`` (N, 1, H, W), int64.
        valid: Which elements count, broadcastable, or None if all do.
        counts: Number of elements that count per channel, (1, C or 1, 1, 1) or a number.
        channels: C, if there is a label.
    """

    tensors: Mapping[str, Tensor]
    valid: Tensor | None
    counts: Tensor | int
    channels: int = 1


def evaluate(plan: Plan, order: Iterable[int], values: list, inputs: Inputs) -> None:
    """Computes the values of the instructions in ``order``; ``values`` must hold all others that they read."""
    instructions, tensors = plan.instructions, inputs.tensors
    for index in order:
        node, operands, *_ = instructions[index]
        if not operands:
            values[index] = tensors[node]
        elif node in _WITH_INPUTS:
            values[index] = _WITH_INPUTS[node](values[operands[0]], inputs)
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
    if _differs_by_channel(inputs.valid):
        return means.total(x, inputs.valid, CHANNELS) / means.count(inputs.valid, CHANNELS)
    return x.mean(dim=1, keepdim=True)


def _differs_by_channel(valid: Tensor | None) -> TypeGuard[Tensor]:
    return valid is not None and valid.shape[1] > 1


def _at(x: Tensor, inputs: Inputs) -> Tensor:
    if x.shape[1] == 1:  # the same in all channels, such as a mean over positions of a mean over channels
        return x
    label = inputs.tensors['label']
    return x.expand(label.shape[0], -1, *label.shape[2:]).gather(1, label)


def _spread(x: Tensor, inputs: Inputs) -> Tensor:
    label = inputs.tensors['label']
    empty = x.new_zeros(label.shape[0], inputs.channels, *label.shape[2:])
    return empty.scatter_(1, label, x.expand_as(label))  # x may be one value for all positions, such as a mean


def _share(x: Tensor, inputs: Inputs) -> Tensor:
    return x / inputs.channels


_WITH_INPUTS = {'mean_nhw': _mean_nhw, 'mean_c': _mean_c, 'at': _at, 'spread': _spread, 'share': _share}


def pull_back(plan: Plan, order: Sequence[int], values: list, inputs: Inputs, gradients: dict[int, Tensor]) -> None:
    """Propagates gradients from results to operands.

    Args:
        plan: The plan.
        order: Instructions that were evaluated.
        values: Their values, and those of their operands.
        inputs: As for ``evaluate``.
        gradients: Gradients of the results, by index, in the shape of the value or a smaller one that broadcasts to it;
            afterwards those of the inputs and of the means that are not in ``order``.
    """
    instructions = plan.instructions
    for index in reversed(order):
        node, operands, *_ = instructions[index]
        if not operands or index not in gradients:
            continue
        gradient, value = gradients.pop(index), values[index]
        operand_values = [values[operand] for operand in operands]
        for position, operand in enumerate(operands):
            if instructions[operand].active:
                if node in _BACKWARD_WITH_INPUTS:
                    part = _BACKWARD_WITH_INPUTS[node](gradient, operand_values[0], inputs)
                else:
                    part = _DERIVATIVES[node][position](gradient, *operand_values, value)
                if len(operands) == 2:
                    part = _like(part, value, operand_values[position], inputs)
                gradients[operand] = gradients[operand] + part if operand in gradients else part


def _like(gradient: Tensor, value: Tensor, operand: Tensor, inputs: Inputs) -> Tensor:
    """The gradient of an operand that may have been broadcast."""
    if value.shape == operand.shape:
        return gradient
    return reduced(gradient, value.shape, operand.shape, inputs.valid)


def reduced(gradient: Tensor, full: Shape, shape: Shape, valid: Tensor | None = None) -> Tensor:
    """Sum of a gradient over the dimensions along which an operand was broadcast.

    Args:
        gradient: Broadcasts to the shape ``full``: size 1 where it is constant along a dimension, or a scalar.
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


def counting(gradient: Tensor, valid: Tensor | None) -> Tensor:
    """The gradient of a mean in a block, 0 where nothing counts: in a block of one position nothing has been summed."""
    if valid is None or torch.broadcast_shapes(gradient.shape, valid.shape) != gradient.shape:
        return gradient
    return torch.where(valid, gradient, 0)


def _counting_in(full: Shape, valid: Tensor) -> Tensor:
    """Which values of a shape count; one that is shared by several elements, such as a mean, counts if any of them does."""
    dims = [dim for dim, size in enumerate(full) if size == 1 and valid.shape[dim] > 1]
    return valid.any(dim=dims, keepdim=True) if dims else valid


def mean_seed(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    """Gradient of the operand of a mean over the positions: one value for all elements that count, and 0 for the others."""
    return _over_channels(means.share(gradient, inputs.counts, inputs.valid), x)


def _over_channels(gradient: Tensor, x: Tensor) -> Tensor:
    """The gradient of an operand that may have one value for all channels, although other elements count in each."""
    if x.shape[1] == 1 and gradient.dim() and gradient.shape[1] > 1:
        return gradient.sum(dim=1, keepdim=True)
    return gradient


def _mean_c_back(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    if not _differs_by_channel(inputs.valid):
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
    label = inputs.tensors['label']
    if gradient.dim() and gradient.shape[1] > 1:  # else the same in all channels
        gradient = _at(gradient, inputs)
    return gradient if x.shape == label.shape else reduced(gradient, label.shape, x.shape, inputs.valid)


def _share_back(gradient: Tensor, x: Tensor, inputs: Inputs) -> Tensor:
    return gradient / inputs.channels


_BACKWARD_WITH_INPUTS = {
    'mean_nhw': mean_seed,
    'mean_c': _mean_c_back,
    'at': _at_back,
    'spread': _spread_back,
    'share': _share_back,
}
