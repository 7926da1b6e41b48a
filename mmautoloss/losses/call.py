"""One call of a loss, and its value by the definition."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.losses.inputs import InputKind, Rows
from mmautoloss.losses.inputs.rows import valid_of_prediction
from mmautoloss.losses.reading import read

_EPS = torch.finfo(torch.float32).eps
"""Added to ``avg_factor`` as mmdet's ``weight_reduce_loss`` does, so that 0 samples give 0."""


class Call(NamedTuple):
    """What of a call counts, apart from the prediction.

    Attributes:
        tree: The expression.
        kind: What it reads.
        target: Targets (M, ...) of the rows that count.
        weight: Weight of every element, broadcastable to (M, C, H, W), or None where all are 1.
        channel_weight: Another one, of channels, (1, C, 1, 1), or None.
        valid: Which elements count, broadcastable to (M, C, H, W), or None where all do.
    """

    tree: Tree
    kind: InputKind
    target: Tensor
    weight: Tensor | None = None
    channel_weight: Tensor | None = None
    valid: Tensor | None = None


def plain_values(pred: Tensor, call: Call) -> Tensor:
    """Weighted values of all elements, (M, C, H, W), operator by operator, with the backward of autograd.

    It is the definition, to which ``fused_total`` is held.

    Args:
        pred: Raw predictions (M, ...) of the rows that count, in full precision.
        call: The rest.
    """
    if call.valid is not None:  # the slope of an activation at NaN is NaN, and 0 * NaN too
        pred = torch.where(valid_of_prediction(call.valid, pred), pred, 0)
    # in float32 also under autocast: areas and exponentials leave the range of halves
    with torch.autocast(pred.device.type, enabled=False):
        program, tensors = read(call.tree, call.kind, pred, call.target)
    elements = program(tensors, call.valid)
    for weight in (call.weight, call.channel_weight):
        elements = elements if weight is None else elements * weight
    return elements if call.valid is None else torch.where(call.valid, elements, 0)


def plain_total(pred: Tensor, call: Call) -> Tensor:
    """The weighted sum over all elements."""
    return plain_values(pred, call).sum(dim=1).sum()


def divisor_of(rows: Rows, avg_factor: float | Tensor | None) -> float | Tensor:
    """What the sum over a call is divided by: the head's normaliser, else the number of positions with a label.

    Args:
        rows: The rows that count.
        avg_factor: The normaliser, or None where the head passes none.
    """
    return rows.positions if avg_factor is None else avg_factor + _EPS
