"""Hand-made losses as functions of recorded calls, also where their heads pass more than single tensors."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmautoloss.branches.loss_class import Objective
from mmautoloss.branches.loss_classes import class_of
from mmautoloss.branches.loss_settings import carried


def objective_of(loss: nn.Module, head: nn.Module) -> Objective:
    """A loss as a function of the tensors of a recorded call (``screen.Sample``).

    Args:
        loss: The loss.
        head: The module that calls it.
    """
    known = class_of(loss)
    objective = _with_weight(loss) if _needs_weight(loss) else loss
    objective = known.objective(objective, head) if known.objective else objective
    if known.probabilities(loss):
        bins = known.verdict is not None and known.verdict(head, loss)[0] == 'bins'
        objective = _of_logits(objective, bins)
    return _averaged(objective) if carried(loss, None, head).get('reduction') == 'none' else objective


def _needs_weight(loss: nn.Module) -> bool:
    """Whether a loss insists on weights, which are not recorded where all are 1."""
    return type(loss).__module__.startswith('mmpose.') and getattr(loss, 'use_target_weight', False) is True


def _with_weight(loss: nn.Module) -> Objective:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss(pred, target, pred.new_ones(pred.shape[:2]) if weight is None else weight, **options)

    return objective


def _averaged(loss: Objective) -> Objective:
    """Of a loss whose values the head reads one by one: their sum, divided by the number of rows or pixels."""

    def objective(pred: Tensor, *args: Any, avg_factor: float | None = None, **options: Any) -> Tensor:
        positions = pred[:, 0].numel() if pred.dim() > 1 else len(pred)
        return loss(pred, *args, **options).sum() / (avg_factor or positions)

    return objective


def _of_logits(objective: Objective, bins: bool) -> Objective:
    """Of a loss that reads probabilities: their logits are recorded."""

    def of_logits(pred: Tensor, *args: Any, **options: Any) -> Tensor:
        return objective(pred.softmax(dim=1) if bins else pred.sigmoid(), *args, **options)

    return of_logits
