"""A loss by its definition, operator by operator: what all faster ways are compared with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.losses.call import Call, divisor_of, plain_total
from mmautoloss.losses.counts import Counts
from mmautoloss.losses.inputs import input_kind


def plain_loss(tree: Tree, inputs: str, settings: Mapping[str, Any] = {}) -> Callable[..., Tensor]:
    """An expression as a function ``(pred, target, weight, avg_factor, ignore_index)`` to a scalar.

    The value and gradient of ``SearchedLoss``, up to rounding, with the backward of autograd.

    Args:
        tree: The expression.
        inputs: Name of the kind of input.
        settings: What of its calls counts (``Counts``).

    Example:
        >>> import torch
        >>> from mmautoloss.expr import parse
        >>> loss = plain_loss(parse('abs(p - y)'), 'delta')
        >>> loss(torch.zeros(2, 4), torch.ones(2, 4), avg_factor=8).item()
        1.0
    """
    kind, counts = input_kind(inputs), Counts(**settings)

    def loss(
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        ignore_index: int | None = None,
    ) -> Tensor:
        rows = counts.rows(kind, pred, target, weight, ignore_index)
        if not rows.pred.numel():
            return rows.pred.sum()
        call = Call(tree, kind, rows.target, rows.weight, rows.channel_weight, rows.valid)
        return plain_total(rows.pred, call) / divisor_of(rows, avg_factor)

    return loss
