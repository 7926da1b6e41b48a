"""The definition of a loss, operator by operator, with which all faster implementations are compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.losses.call_inputs import read
from mmautoloss.losses.elapsed import AT_END, elapsed_of
from mmautoloss.losses.inputs import InputKind, Rows, input_kind
from mmautoloss.losses.inputs.rows import valid_of_prediction
from mmautoloss.losses.weighting import Weighting

_EPS = torch.finfo(torch.float32).eps
"""Added to ``avg_factor`` as mmdet's ``weight_reduce_loss`` does, so that 0 samples give 0."""


class Call(NamedTuple):
    """The parts of a call that count, apart from the prediction.

    Attributes:
        tree: The expression.
        kind: Its kind of input.
        target: Targets (M, ...) of the rows that count.
        weight: Weight of every element, broadcastable to (M, C, H, W), or None if all are 1.
        channel_weight: Another weight, per channel, (1, C, 1, 1), or None.
        valid: Which elements count, broadcastable to (M, C, H, W), or None if all do.
        elapsed: The elapsed share of the training, a scalar; None at its end, and if the expression does not read it.
    """

    tree: Tree
    kind: InputKind
    target: Tensor
    weight: Tensor | None = None
    channel_weight: Tensor | None = None
    valid: Tensor | None = None
    elapsed: Tensor | None = None

    def is_one_hot(self, pred: Tensor) -> bool:
        """Whether ``y`` is one-hot, at predictions of the rows that count."""
        return self.kind.is_one_hot(pred, self.target)


def plain_values(pred: Tensor, call: Call) -> Tensor:
    """Weighted values of all elements, (M, C, H, W), operator by operator, differentiated by autograd.

    This is the definition that ``fused_total`` must match.

    Args:
        pred: Raw predictions (M, ...) of the rows that count, in full precision.
        call: The rest of the call.
    """
    if call.valid is not None:  # the derivative of an activation at NaN is NaN, and so is 0 * NaN
        pred = torch.where(valid_of_prediction(call.valid, pred), pred, 0)
    # in float32 even under autocast: areas and exponentials exceed the range of half precision
    with torch.autocast(pred.device.type, enabled=False):
        elapsed = AT_END if call.elapsed is None else call.elapsed
        program, tensors = read(call.tree, call.kind, pred, call.target, elapsed)
    elements = program(tensors, call.valid)
    for weight in (call.weight, call.channel_weight):
        elements = elements if weight is None else elements * weight
    return elements if call.valid is None else torch.where(call.valid, elements, 0)


def plain_total(pred: Tensor, call: Call) -> Tensor:
    """The weighted sum over all elements."""
    return plain_values(pred, call).sum(dim=1).sum()


def divisor_of(rows: Rows, avg_factor: float | Tensor | None) -> float | Tensor:
    """The divisor of the sum over a call: the head's normaliser, else the number of positions with a label.

    Args:
        rows: The rows that count.
        avg_factor: The normaliser, or None if the head passes none.
    """
    return rows.positions if avg_factor is None else avg_factor + _EPS


@dataclass(frozen=True)
class PlainLoss:
    """An expression as a function of the call of a head.

    Attributes:
        tree: The expression.
        kind: Its kind of input.
        weighting: Which elements count, and how much.
    """

    tree: Tree
    kind: InputKind
    weighting: Weighting

    @property
    def reads_elapsed(self) -> bool:
        """Whether it reads the elapsed share of the training."""
        return reads_elapsed(self.tree)

    def __call__(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        ignore_index: int | None = None,
    ) -> Tensor:
        """The loss of a call, a scalar."""
        calls = self.kind.calls(pred, target, self.weighting.weights(self.kind, weight))
        first, *others = [self._total(*call, avg_factor, ignore_index) for call in calls]
        return sum(others, first)

    def _total(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None,
        avg_factor: float | None,
        ignore_index: int | None,
    ) -> Tensor:
        rows = self.weighting.rows(self.kind, pred, target, weight, ignore_index)
        if not rows.pred.numel():
            return rows.pred.sum()
        elapsed = elapsed_of(self.tree, rows.pred)
        call = Call(self.tree, self.kind, rows.target, rows.weight, rows.channel_weight, rows.valid, elapsed)
        return plain_total(rows.pred, call) / divisor_of(rows, avg_factor)


def plain_loss(tree: Tree, inputs: str, settings: Mapping[str, Any] = {}) -> PlainLoss:
    """An expression as a function ``(pred, target, weight, avg_factor, ignore_index)`` that returns a scalar.

    Value and gradient are those of ``SearchedLoss``, up to rounding; autograd differentiates it.

    Args:
        tree: The expression.
        inputs: Name of the kind of input.
        settings: Fields of ``Weighting``.

    Example:
        >>> import torch
        >>> from mmautoloss.expr import parse
        >>> loss = plain_loss(parse('abs(p - y)'), 'delta')
        >>> loss(torch.zeros(2, 4), torch.ones(2, 4), avg_factor=8).item()
        1.0
    """
    return PlainLoss(tree, input_kind(inputs), Weighting(**settings))
