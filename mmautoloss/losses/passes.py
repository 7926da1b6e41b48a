"""The passes over a call: its total and the gradient of that, at once or block by block."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from math import prod

import torch
from torch import Tensor

from mmautoloss.expr.fused import Inputs, Shape, channel_sum, evaluate, mean_seed, pull_back, reduced
from mmautoloss.expr.plan import Plan, Stage
from mmautoloss.losses.blocks import WHOLE, Block, each_block, valid_of
from mmautoloss.losses.call import Call

Values = list[Tensor | float | None]
Kept = dict[int | str, Tensor]
"""Values by instruction, and inputs by name, from the forward to the backward pass."""


def count(pred: Tensor, valid: Tensor | None) -> Tensor | int:
    """Number of positions that count: one number, or one a channel (1, C or 1, 1, 1)."""
    if valid is None:
        return len(pred) * prod(pred.shape[2:])
    return valid.expand(len(pred), -1, *pred.shape[2:]).sum(dim=(0, 2, 3), keepdim=True).clamp(min=1)


def total_at_once(pred: Tensor, plan: Plan, call: Call, counts: Tensor | int) -> tuple[Tensor, Kept]:
    """The total of a call, and its inputs by name and all values that are tensors by instruction."""
    inputs, values = _evaluated(WHOLE, plan.everything, {}, pred, plan, call, counts)
    kept = {index: value for index, value in enumerate(values) if isinstance(value, Tensor)}
    return _total(values, plan, call, inputs, WHOLE), inputs.tensors | kept


def gradient_at_once(
    pred: Tensor, plan: Plan, call: Call, counts: Tensor | int, kept: Kept, gradient: Tensor
) -> Tensor:
    """The gradient of the prediction; if nothing is kept, the values are computed again."""
    inputs, values = _evaluated(WHOLE, () if kept else plan.everything, kept, pred, plan, call, counts)
    gradients = {plan.root.index: _seed(gradient, values, plan, call, inputs, WHOLE)}
    pull_back(plan, plan.everything, values, inputs, gradients)
    found = _to_prediction(gradients, plan, call, inputs, pred, WHOLE)
    return found if inputs.valid is None else torch.where(inputs.valid, found, 0)


def total_by_blocks(pred: Tensor, plan: Plan, call: Call, counts: Tensor | int) -> tuple[Tensor, Kept]:
    """The total of a call, and the means over all positions by instruction."""
    means: Kept = {}
    *earlier, last = plan.stages

    def sums(stage: Stage, block: Block) -> list[Tensor]:
        inputs, values = _evaluated(block, stage.order, means, pred, plan, call, counts)
        return [channel_sum(values[root], inputs.valid) for root in stage.roots]

    def total(block: Block) -> Tensor:
        inputs, values = _evaluated(block, last.order, means, pred, plan, call, counts)
        return _total(values, plan, call, inputs, block)

    for stage in earlier:
        found = each_block(partial(sums, stage), pred)
        for mean, parts in zip(stage.means, zip(*found, strict=True), strict=True):
            means[mean] = sum(parts) / counts
    return torch.stack(each_block(total, pred)).sum(), means


def gradient_by_blocks(
    pred: Tensor, plan: Plan, call: Call, counts: Tensor | int, means: Kept, gradient: Tensor
) -> Tensor:
    """The gradient of the prediction, from the last stage to the first: each asks for gradients of earlier means."""
    found, written = torch.empty_like(pred), False
    of_means: dict[int, Tensor] = {}

    def back(stage: Stage, seeds: dict[int, Tensor], block: Block) -> dict[int, Tensor]:
        inputs, values = _evaluated(block, stage.order, means, pred, plan, call, counts)
        gradients = {root: mean_seed(seeds[mean], inputs) for mean, root in zip(stage.means, stage.roots) if mean in seeds}
        if not stage.means:
            gradients = {plan.root.index: _seed(gradient, values, plan, call, inputs, block)}
        pull_back(plan, stage.order, values, inputs, gradients)
        known = {index: gradients.pop(index) for index in means.keys() & gradients.keys()}
        if gradients:  # else the stage reads nothing but means
            part = _to_prediction(gradients, plan, call, inputs, block.of(pred), block)
            _write(part + block.of(found) if written else part, inputs.valid, block.of(found))
        return known

    for stage in reversed(plan.stages):
        seeds = {mean: of_means[mean] for mean in stage.means if mean in of_means}
        for known in each_block(partial(back, stage, seeds), pred):
            for index, part in known.items():
                of_means[index] = of_means[index] + part if index in of_means else part
        written = written or any(plan.instructions[index].is_input and plan.instructions[index].active for index in stage.order)
    return found


def _evaluated(
    block: Block,
    order: Collection[int],
    known: Kept,
    pred: Tensor,
    plan: Plan,
    call: Call,
    counts: Tensor | int,
) -> tuple[Inputs, Values]:
    """What a block holds, and the values of some instructions; those that are known are not computed."""
    values: Values = list(plan.numbers)
    tensors = {}
    for key, value in known.items():
        if isinstance(key, str):
            tensors[key] = value
        else:
            values[key] = value
    tensors = tensors or call.kind.leaves(block.of(pred), block.of(call.target), plan.names)
    inputs = Inputs(tensors, valid_of(block, call.valid), counts)
    evaluate(plan, order, values, inputs)
    return inputs, values


def _total(values: Values, plan: Plan, call: Call, inputs: Inputs, block: Block) -> Tensor:
    """The weighted sum of a block: over the dimensions in which nothing is weighted first."""
    value, weights = values[plan.root.index], _weights(plan, call, inputs, block)
    shape = _shape(plan, inputs)
    masks = weights if inputs.valid is None else [*weights, inputs.valid]
    copies = 1
    for dim in range(4):
        if all(mask.shape[dim] == 1 for mask in masks):
            if value.shape[dim] != shape[dim]:
                copies *= shape[dim]
            elif shape[dim] > 1 and masks:
                value = value.sum(dim=dim, keepdim=True)
    for weight in weights:
        value = value * weight
    if inputs.valid is not None:
        value = torch.where(inputs.valid, value, 0)
    total = value.sum()
    return total if copies == 1 else total * copies


def _seed(gradient: Tensor, values: Values, plan: Plan, call: Call, inputs: Inputs, block: Block) -> Tensor:
    """The gradient of the root."""
    for weight in _weights(plan, call, inputs, block):
        gradient = gradient * weight
    if inputs.valid is not None:
        gradient = torch.where(inputs.valid, gradient, 0)
    shape, own = _shape(plan, inputs), values[plan.root.index].shape
    return gradient if shape == own else reduced(gradient, shape, own)


def _weights(plan: Plan, call: Call, inputs: Inputs, block: Block) -> list[Tensor]:
    """Weights of the elements of a block, of those in the channel of the label where the root is sparse."""
    weights = [] if call.weight is None else [block.of(call.weight)]
    if call.channel_weight is not None:
        label = inputs.tensors.get('label')
        weight = call.channel_weight
        weights.append(weight.flatten()[label] if plan.root.sparse else weight)
    return weights


def _shape(plan: Plan, inputs: Inputs) -> Shape:
    """Shape over which the root is summed."""
    tensors = inputs.tensors
    if plan.root.sparse:
        return tensors['label'].shape
    return next(tensors[name] for name in plan.names if name != 'label').shape


def _to_prediction(
    gradients: dict[int, Tensor], plan: Plan, call: Call, inputs: Inputs, pred: Tensor, block: Block
) -> Tensor:
    """The gradient of the raw prediction from those of the inputs."""
    by_name = {plan.instructions[index].node: gradient for index, gradient in gradients.items()}
    return call.kind.pull_back(pred, block.of(call.target), inputs.tensors, by_name)


def _write(gradient: Tensor, valid: Tensor | None, out: Tensor) -> None:
    """Keeps a gradient, 0 where nothing counts, whatever it is there."""
    if valid is None:
        out.copy_(gradient)
    else:
        torch.where(valid, gradient, gradient.new_zeros(()), out=out)
