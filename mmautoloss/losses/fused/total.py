"""The total of a call in few passes over memory.

The call is cut into blocks that stay in the cache. A block goes through all operators, forward and backward, before the next
begins; only its sum and its gradient are kept, where operator by operator every value would go through memory. A loss is a
number, so its gradient is known up to a factor when it is: the backward pass has nothing left to do but to multiply.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from mmautoloss.losses.call_inputs import evaluated
from mmautoloss.losses.definition import Call, plain_total
from mmautoloss.losses.fused.blocks import is_small, is_tiny, threads_of
from mmautoloss.losses.fused.compiler import run_compiled
from mmautoloss.losses.fused.passes import at_once, by_blocks
from mmautoloss.losses.fused.plan import Plan, plan_of

_FEW = 4
"""Operations, inputs among them, up to which a tiny call is left to autograd: its C++ then costs less than our Python.

Not where something does not count: there the slope of an activation may be 0 * NaN.
"""


def fused_total(pred: Tensor, call: Call, scale: float | Tensor = 1.0, compiled: bool = False) -> Tensor:
    """The weighted sum over all elements, differentiable; see ``plain_total``, whose value and gradient these are.

    An expression that has no plan is computed by the definition, and so is a call of which more than the prediction needs a
    gradient.

    Args:
        pred: Raw predictions (M, ...) of the rows that count, in full precision.
        call: The rest.
        scale: Factor of the sum, a number or a scalar of the same precision.
        compiled: Whether by code that ``torch.compile`` writes.

    Returns:
        A scalar.
    """
    if _others_need_gradient(call, scale):
        return scale * plain_total(pred, call)
    kind = call.kind
    plan = plan_of(evaluated(call.tree, kind), kind.from_prediction, kind.one_hot, pred.dtype)
    if plan is not None and call.valid is None and is_tiny(pred) and len(plan.everything) <= _FEW:
        return at_once(pred, plan, call, scale, wanted=False)[0]
    if plan is not None:
        return _Total.apply(pred, plan, call, scale, compiled, torch.is_grad_enabled())
    by_definition = partial(plain_total, pred, call)
    return scale * (run_compiled('plain', by_definition, pred, call) if compiled else by_definition())


def _others_need_gradient(call: Call, scale: float | Tensor) -> bool:
    """Whether targets, weights or the scale do, which then must not depend on how large the call is."""
    others = (call.target, call.weight, call.channel_weight, scale)
    needed = any([isinstance(each, Tensor) and each.requires_grad for each in others])
    return needed and torch.is_grad_enabled()


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, compiled: bool, grad_mode: bool
    ) -> Tensor:
        wanted = grad_mode and ctx.needs_input_grad[0]
        total, gradient = (_by_compiler if compiled else _by_passes)(pred, plan, call, scale, wanted)
        ctx.call, ctx.scale = call, scale
        if wanted:
            ctx.save_for_backward(pred, gradient)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        pred, found = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: the gradient of the definition can be differentiated again
            total = ctx.scale * plain_total(pred, ctx.call)
            found = torch.autograd.grad(total, pred, gradient, create_graph=True)[0]
        elif (
            gradient.device.type != 'cpu' or gradient.item() != 1
        ):  # of a sum of losses it is 1; a GPU is not waited for
            with threads_of(pred):
                found = found * gradient
        return found, *[None] * 5


def _by_passes(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    with threads_of(pred):
        return (at_once if is_small(pred) else by_blocks)(pred, plan, call, scale, wanted)


def _by_compiler(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, wanted: bool
) -> tuple[Tensor, Tensor | None]:
    otherwise = partial(_by_passes, pred, plan, call, scale, wanted)
    scale = scale if isinstance(scale, Tensor) else pred.new_full((), scale)  # a number would be a part of the code
    return run_compiled('both' if wanted else 'total', otherwise, pred, call, scale)
