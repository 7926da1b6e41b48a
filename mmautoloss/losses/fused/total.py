"""The total of a call in few passes over memory.

The call is divided into blocks that fit into the cache. All operators process a block, forward and backward, before the next
begins; only its sum and its gradient are kept, whereas operator by operator every value would pass through memory. A loss is
a scalar, so its gradient is known up to a factor when the value is: the backward pass only multiplies.
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

_MAX_AUTOGRAD_OPERATIONS = 4
"""Most operations, including inputs, of a tiny call that is left to autograd: its C++ then takes less time than our Python.

Calls with masked elements are excluded: the derivative of an activation there may be 0 * NaN.
"""


def fused_total(pred: Tensor, call: Call, scale: float | Tensor = 1.0, compiled: bool = False) -> Tensor:
    """The weighted sum over all elements, differentiable, with the value and gradient of ``plain_total``.

    An expression without a plan is computed by the definition, and so is a call in which more than the prediction needs a
    gradient.

    Args:
        pred: Raw predictions (M, ...) of the rows that count, in full precision.
        call: The rest of the call.
        scale: Factor of the sum, a number or a scalar of the same precision.
        compiled: Whether to use ``torch.compile``.

    Returns:
        A scalar.
    """
    if _others_need_gradient(call, scale):
        return scale * plain_total(pred, call)
    kind = call.kind
    plan = plan_of(evaluated(call.tree, kind), kind.from_prediction, call.is_one_hot(pred), pred.dtype)
    if plan is not None and call.valid is None and is_tiny(pred) and len(plan.everything) <= _MAX_AUTOGRAD_OPERATIONS:
        return at_once(pred, plan, call, scale, with_gradient=False)[0]
    if plan is not None:
        return _Total.apply(pred, plan, call, scale, compiled, torch.is_grad_enabled())
    by_definition = partial(plain_total, pred, call)
    return scale * (run_compiled('plain', by_definition, pred, call) if compiled else by_definition())


def _others_need_gradient(call: Call, scale: float | Tensor) -> bool:
    """Whether targets, weights or the scale need a gradient; that must not depend on the size of the call."""
    operands = (call.target, call.weight, call.channel_weight, scale)
    needed = any([isinstance(operand, Tensor) and operand.requires_grad for operand in operands])
    return needed and torch.is_grad_enabled()


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, compiled: bool, grad_mode: bool
    ) -> Tensor:
        with_gradient = grad_mode and ctx.needs_input_grad[0]
        total, gradient = (_by_compiler if compiled else _by_passes)(pred, plan, call, scale, with_gradient)
        ctx.call, ctx.scale = call, scale
        if with_gradient:
            ctx.save_for_backward(pred, gradient)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        pred, pred_gradient = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: the gradient of the definition can be differentiated again
            total = ctx.scale * plain_total(pred, ctx.call)
            pred_gradient = torch.autograd.grad(total, pred, gradient, create_graph=True)[0]
        elif gradient.device.type != 'cpu' or gradient.item() != 1:  # 1 in a sum of losses; a GPU is not synchronised
            with threads_of(pred):
                pred_gradient = pred_gradient * gradient
        return pred_gradient, *[None] * 5


def _by_passes(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor | None]:
    with threads_of(pred):
        whole = is_small(pred) or call.kind.related
        return (at_once if whole else by_blocks)(pred, plan, call, scale, with_gradient)


def _by_compiler(
    pred: Tensor, plan: Plan, call: Call, scale: float | Tensor, with_gradient: bool
) -> tuple[Tensor, Tensor | None]:
    fallback = partial(_by_passes, pred, plan, call, scale, with_gradient)
    if not isinstance(scale, Tensor):
        scale = pred.new_full((), scale)  # a number would be a constant in the code
    return run_compiled('both' if with_gradient else 'total', fallback, pred, call, scale)
