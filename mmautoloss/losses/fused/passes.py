"""Computes total and gradient of a call, at once or in blocks."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from mmautoloss.expr.operators.means import POSITIONS
from mmautoloss.expr.operators.means import count as count_of
from mmautoloss.losses.call_inputs import leaves, pull_back
from mmautoloss.losses.definition import Call
from mmautoloss.losses.fused.blocks import WHOLE, Block, each_block, valid_of
from mmautoloss.losses.fused.interpreter import Inputs, channel_sum, counting, evaluate, mean_seed, reduced
from mmautoloss.losses.fused.interpreter import pull_back as pull_back_steps
from mmautoloss.losses.fused.plan import Plan, Stage
from mmautoloss.losses.inputs.rows import valid_of_prediction

Values = list[Any]
"""By instruction: a tensor, the number of a constant, or None if it is not computed yet."""
Means = dict[int, Tensor]
"""Means over all positions, by instruction."""


def count(pred: Tensor, valid: Tensor | None) -> Tensor | int:
    """Number of positions that count: one number, or one per channel (1, C or 1, 1, 1)."""
    if valid is None:
        return len(pred) * prod(pred.shape[2:])
    return count_of(valid.expand(len(pred), -1, *(pred.shape[2:] or (1, 1))), POSITIONS)


def at_once(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, with_gradient: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The scaled total of a call and, if ``with_gradient``, its gradient with respect to the prediction."""
    inputs, values = _evaluated(WHOLE, plan.everything, {}, pred, plan, call, _counts(pred, plan, call))
    root, weights = values[plan.root.index], _weights(plan, call, inputs, WHOLE)
    total = _total(root, weights, plan, inputs) * scale
    if not with_gradient:
        return total, None
    gradients = {plan.root.index: _seed(scale, root, weights, plan, inputs)}
    pull_back_steps(plan, plan.everything, values, inputs, gradients)
    gradient = _to_prediction(gradients, plan, call, inputs, pred, WHOLE)
    if inputs.valid is not None:
        gradient = torch.where(valid_of_prediction(inputs.valid, pred), gradient, 0)
    return total, gradient


def by_blocks(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, with_gradient: bool = True
) -> tuple[Tensor, Tensor | None]:
    """The same as ``at_once``: a pass over the blocks for each stage and, except for the last, a backward one."""
    passes = _Passes(pred, plan, call, scale, with_gradient)
    *earlier, last = plan.stages
    for stage in earlier:
        passes.find_means(stage)
    total = torch.stack(passes.backward(last)).sum() * scale
    for stage in reversed(earlier if with_gradient else ()):
        passes.backward(stage)
    return total, passes.gradient


class _Passes:
    """The results of the passes over one call: means, their gradients, and the gradient of the prediction."""

    def __init__(self, pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, with_gradient: bool) -> None:
        self.pred, self.plan, self.call, self.scale = pred, plan, call, scale
        self.counts = _counts(pred, plan, call)
        self.means: Means = {}
        self.mean_gradients: Means = {}
        self.accumulates = len(plan.stages) > 1  # every stage accumulates its part of the gradient
        self.gradient = (torch.zeros_like if self.accumulates else torch.empty_like)(pred) if with_gradient else None

    def find_means(self, stage: Stage) -> None:
        """Computes the means of a stage in a pass over the blocks."""

        def sums(block: Block) -> list[Tensor]:
            inputs, values = self._evaluated(stage, block)
            return [channel_sum(values[root], inputs.valid) for root in stage.roots]

        by_mean = zip(*each_block(sums, self.pred), strict=True)
        for mean, parts in zip(stage.means, by_mean, strict=True):
            self.means[mean] = sum(parts) / self.counts

    def backward(self, stage: Stage) -> list[Tensor]:
        """Computes gradients in a pass over the blocks, and in the last stage totals, which are returned."""
        results = each_block(partial(self._backward_block, stage), self.pred)
        for _, mean_gradients in results:
            for index, part in mean_gradients.items():
                known = self.mean_gradients.get(index)
                self.mean_gradients[index] = part if known is None else known + part
        return [total for total, _ in results if total is not None]

    def _backward_block(self, stage: Stage, block: Block) -> tuple[Tensor | None, Means]:
        inputs, values = self._evaluated(stage, block)
        total, gradients = None, self._mean_seeds(stage, values, inputs)
        if not stage.means:
            root, weights = values[self.plan.root.index], _weights(self.plan, self.call, inputs, block)
            total = _total(root, weights, self.plan, inputs)
            gradients[self.plan.root.index] = _seed(self.scale, root, weights, self.plan, inputs)
        if self.gradient is None:
            return total, {}
        pull_back_steps(self.plan, stage.order, values, inputs, gradients)
        mean_gradients = {
            index: counting(gradients.pop(index), inputs.valid) for index in self.means.keys() & gradients.keys()
        }
        if gradients:  # else the stage reads nothing but means
            part = _to_prediction(gradients, self.plan, self.call, inputs, block.of(self.pred), block)
            out = block.of(self.gradient)
            _write(part + out if self.accumulates else part, inputs.valid, out)
        return total, mean_gradients

    def _evaluated(self, stage: Stage, block: Block) -> tuple[Inputs, Values]:
        return _evaluated(block, stage.order, self.means, self.pred, self.plan, self.call, self.counts)

    def _mean_seeds(self, stage: Stage, values: Values, inputs: Inputs) -> dict[int, Tensor]:
        """Gradients of the operands of the means of a stage; the last stage has none."""
        roots = dict(zip(stage.means, stage.roots, strict=False))
        means = roots.keys() & self.mean_gradients.keys()
        return {roots[mean]: mean_seed(self.mean_gradients[mean], values[roots[mean]], inputs) for mean in means}


def _counts(pred: Tensor, plan: Plan, call: Call) -> Tensor | int:
    return count(pred, call.valid) if len(plan.stages) > 1 else 1


def _evaluated(
    block: Block,
    order: Collection[int],
    means: Means,
    pred: Tensor,
    plan: Plan,
    call: Call,
    counts: Tensor | int,
) -> tuple[Inputs, Values]:
    """The inputs of a block, and the values of the instructions in ``order``, given the means of earlier stages."""
    values: Values = list(plan.numbers)
    for index, mean in means.items():
        values[index] = mean
    tensors = leaves(call.kind, block.of(pred), block.of(call.target), plan.names, call.elapsed)
    inputs = Inputs(tensors, valid_of(block, call.valid), counts, pred.shape[1])
    evaluate(plan, order, values, inputs)
    return inputs, values


def _total(value: Tensor, weights: list[Tensor], plan: Plan, inputs: Inputs) -> Tensor:
    """The weighted sum of a block; dimensions without weights are summed first."""
    own, full = value.shape, _full_shape(plan, inputs)
    shapes = [weight.shape for weight in weights]
    if inputs.valid is not None:
        shapes.append(inputs.valid.shape)
    copies, unweighted = 1, []
    for dim in range(4):
        if full[dim] > 1 and all([shape[dim] == 1 for shape in shapes]):
            if own[dim] != full[dim]:
                copies *= full[dim]
            elif shapes:
                unweighted.append(dim)
    value = value.sum(dim=unweighted, keepdim=True) if unweighted else value
    for weight in weights:
        value = value * weight
    if inputs.valid is not None:
        value = torch.where(inputs.valid, value, 0)
    total = value.sum()
    return total if copies == 1 else total * copies


def _full_shape(plan: Plan, inputs: Inputs) -> torch.Size:
    """The shape over which the root is summed."""
    if plan.widest:
        return inputs.tensors[plan.widest].shape
    count, _, *height_width = inputs.tensors['label'].shape
    return torch.Size((count, inputs.channels, *height_width))


def _seed(gradient: float | Tensor, root: Tensor, weights: list[Tensor], plan: Plan, inputs: Inputs) -> Tensor:
    """The gradient of the root, from that of the total."""
    for weight in weights:
        gradient = weight * gradient
    if not isinstance(gradient, Tensor):
        gradient = root.new_full((), gradient)
    if inputs.valid is not None:
        gradient = torch.where(inputs.valid, gradient, 0)
    full = _full_shape(plan, inputs)
    return gradient if full == root.shape else reduced(gradient, full, root.shape)


def _weights(plan: Plan, call: Call, inputs: Inputs, block: Block) -> list[Tensor]:
    """Weights of the elements of a block; if the root is sparse, of those in the channel of the label."""
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
    return pull_back(call.kind, pred, block.of(call.target), inputs.tensors, by_name)


def _write(gradient: Tensor, valid: Tensor | None, out: Tensor) -> None:
    """Writes a gradient to ``out``, with 0 where nothing counts."""
    if valid is None:
        out.copy_(gradient)
    else:
        torch.where(valid_of_prediction(valid, gradient), gradient, gradient.new_zeros(()), out=out)
