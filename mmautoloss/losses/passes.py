"""The passes over a call: its total and the gradient of that, at once or block by block."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from math import prod

import torch
from torch import Tensor

from mmautoloss.expr.fused import Inputs, channel_sum, evaluate, mean_seed, pull_back, reduced
from mmautoloss.expr.plan import Plan, Stage
from mmautoloss.losses.blocks import WHOLE, Block, each_block, valid_of
from mmautoloss.losses.call import Call

Values = list[Tensor | float | None]
Means = dict[int, Tensor]
"""Means over all positions, by instruction."""


def count(pred: Tensor, valid: Tensor | None) -> Tensor | int:
    """Number of positions that count: one number, or one a channel (1, C or 1, 1, 1)."""
    if valid is None:
        return len(pred) * prod(pred.shape[2:])
    return valid.expand(len(pred), -1, *pred.shape[2:]).sum(dim=(0, 2, 3), keepdim=True).clamp(min=1)


def at_once(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, wanted: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The scaled total of a call and, if wanted, its gradient with respect to the prediction."""
    inputs, values = _evaluated(WHOLE, plan.everything, {}, pred, plan, call, _counts(pred, plan, call))
    root, weights = values[plan.root.index], _weights(plan, call, inputs, WHOLE)
    total = _total(root, weights, plan, inputs) * scale
    if not wanted:
        return total, None
    gradients = {plan.root.index: _seed(scale, root, weights, plan, inputs)}
    pull_back(plan, plan.everything, values, inputs, gradients)
    found = _to_prediction(gradients, plan, call, inputs, pred, WHOLE)
    return total, found if inputs.valid is None else torch.where(inputs.valid, found, 0)


def by_blocks(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, wanted: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The same as ``at_once``: a pass over the blocks for each stage and, but for the last, one back."""
    counts, means = _counts(pred, plan, call), {}
    *earlier, last = plan.stages

    def sums(stage: Stage, block: Block) -> list[Tensor]:
        inputs, values = _evaluated(block, stage.order, means, pred, plan, call, counts)
        return [channel_sum(values[root], inputs.valid) for root in stage.roots]

    for stage in earlier:
        found = each_block(partial(sums, stage), pred)
        means.update((mean, sum(parts) / counts) for mean, parts in zip(stage.means, zip(*found), strict=True))
    gradient = torch.zeros_like(pred) if wanted and earlier else torch.empty_like(pred) if wanted else None

    def back(stage: Stage, of_means: Means, block: Block) -> tuple[Tensor | None, Means]:
        inputs, values = _evaluated(block, stage.order, means, pred, plan, call, counts)
        total, gradients = None, _mean_seeds(stage, of_means, values, inputs)
        if not stage.means:
            root, weights = values[plan.root.index], _weights(plan, call, inputs, block)
            total = _total(root, weights, plan, inputs)
            gradients[plan.root.index] = _seed(scale, root, weights, plan, inputs)
        if gradient is None:
            return total, {}
        pull_back(plan, stage.order, values, inputs, gradients)
        known = {index: gradients.pop(index) for index in means.keys() & gradients.keys()}
        if gradients:  # else the stage reads nothing but means
            part, out = _to_prediction(gradients, plan, call, inputs, block.of(pred), block), block.of(gradient)
            _write(part + out if earlier else part, inputs.valid, out)
        return total, known

    totals, of_means = _gathered(each_block(partial(back, last, {}), pred), {})
    for stage in reversed(earlier if wanted else ()):
        _, of_means = _gathered(each_block(partial(back, stage, of_means), pred), of_means)
    return torch.stack(totals).sum() * scale, gradient


def _counts(pred: Tensor, plan: Plan, call: Call) -> Tensor | int:
    return count(pred, call.valid) if len(plan.stages) > 1 else 1


def _mean_seeds(stage: Stage, of_means: Means, values: Values, inputs: Inputs) -> dict[int, Tensor]:
    """Gradients of what the means of a stage are of."""
    return {
        root: mean_seed(of_means[mean], values[root], inputs)
        for mean, root in zip(stage.means, stage.roots, strict=False)  # the last has a root, no mean
        if mean in of_means
    }


def _gathered(found: list[tuple[Tensor | None, Means]], of_means: Means) -> tuple[list, Means]:
    """Totals of the blocks, and the sums over the blocks of the gradients of means."""
    of_means = dict(of_means)
    for _, known in found:
        for index, part in known.items():
            of_means[index] = of_means[index] + part if index in of_means else part
    return [total for total, _ in found], of_means


def _evaluated(
    block: Block,
    order: Collection[int],
    means: Means,
    pred: Tensor,
    plan: Plan,
    call: Call,
    counts: Tensor | int,
) -> tuple[Inputs, Values]:
    """What a block holds, and the values of some instructions, given means that are not among them."""
    values: Values = list(plan.numbers)
    for index, mean in means.items():
        values[index] = mean
    tensors = call.kind.leaves(block.of(pred), block.of(call.target), plan.names)
    inputs = Inputs(tensors, valid_of(block, call.valid), counts)
    evaluate(plan, order, values, inputs)
    return inputs, values


def _total(value: Tensor, weights: list[Tensor], plan: Plan, inputs: Inputs) -> Tensor:
    """The weighted sum of a block: over the dimensions in which nothing is weighted first."""
    own, full = value.shape, inputs.tensors[plan.widest].shape
    shapes = [weight.shape for weight in weights]
    if inputs.valid is not None:
        shapes.append(inputs.valid.shape)
    copies = 1
    for dim in range(4):
        if full[dim] > 1 and all([shape[dim] == 1 for shape in shapes]):
            if own[dim] != full[dim]:
                copies *= full[dim]
            elif shapes:
                value = value.sum(dim=dim, keepdim=True)
    for weight in weights:
        value = value * weight
    if inputs.valid is not None:
        value = torch.where(inputs.valid, value, 0)
    total = value.sum()
    return total if copies == 1 else total * copies


def _seed(gradient: float | Tensor, root: Tensor, weights: list[Tensor], plan: Plan, inputs: Inputs) -> Tensor:
    """The gradient of the root, from that of the total."""
    for weight in weights:
        gradient = weight * gradient
    if not isinstance(gradient, Tensor):
        gradient = root.new_full((), gradient)
    if inputs.valid is not None:
        gradient = torch.where(inputs.valid, gradient, 0)
    full = inputs.tensors[plan.widest].shape
    return gradient if full == root.shape else reduced(gradient, full, root.shape)


def _weights(plan: Plan, call: Call, inputs: Inputs, block: Block) -> list[Tensor]:
    """Weights of the elements of a block, of those in the channel of the label where the root is sparse."""
    weights = [] if call.weight is None else [block.of(call.weight)]
    if call.channel_weight is not None:
        factors = call.channel_weight
        weights.append(factors.flatten()[inputs.tensors['label']] if plan.root.sparse else factors)
    return weights


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
