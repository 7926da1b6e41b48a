"""The total of a call in few passes over memory.

The call is cut into blocks that stay in the cache. A block goes through all operators at once, and only its sum is kept; the
backward pass computes it again and writes the gradient. So a loss of maps reads its logits twice and writes their gradient,
and saves nothing else, where operator by operator every value of every operator goes through memory. Small calls, whose cost
is the number of operators, keep their values instead.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmautoloss.expr.plan import Plan, plan_of
from mmautoloss.losses.blocks import is_small, threads_of
from mmautoloss.losses.call import Call, plain_total
from mmautoloss.losses.passes import count, gradient_at_once, gradient_by_blocks, total_at_once, total_by_blocks


def fused_total(pred: Tensor, call: Call, scale: float = 1.0) -> Tensor | None:
    """The weighted sum over all elements, differentiable; see ``plain_total``, whose value and gradient these are.

    Args:
        pred: Raw predictions (M, ...) of the rows that count, in full precision.
        call: The rest.
        scale: Factor of the sum.

    Returns:
        A scalar, or None for an expression without a plan.
    """
    kind = call.kind
    plan = plan_of(call.tree, kind.from_prediction, kind.one_hot, pred.dtype)
    return None if plan is None else _Total.apply(pred, plan, call, scale)


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pred: Tensor, plan: Plan, call: Call, scale: float) -> Tensor:
        ctx.plan, ctx.call, ctx.scale = plan, call, scale
        ctx.counts = count(pred, call.valid) if len(plan.stages) > 1 else 1
        with threads_of(pred):
            total, kept = (total_at_once if is_small(pred) else total_by_blocks)(pred, plan, call, ctx.counts)
        ctx.kept = tuple(kept)
        ctx.save_for_backward(pred, *kept.values())
        return total * scale

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        pred, *kept = ctx.saved_tensors
        gradient = gradient * ctx.scale
        if torch.is_grad_enabled():  # create_graph=True: the definition can be differentiated again
            total = plain_total(pred, ctx.call)
            return torch.autograd.grad(total, pred, gradient, create_graph=True)[0], None, None, None
        back = gradient_at_once if is_small(pred) else gradient_by_blocks
        kept = dict(zip(ctx.kept, kept, strict=True))
        with threads_of(pred):
            return back(pred, ctx.plan, ctx.call, ctx.counts, kept, gradient), None, None, None
