"""Hand-made losses as functions of recorded calls, also where their heads pass more than single tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from mmautoloss.expr import parse
from mmautoloss.losses import plain_loss
from mmautoloss.losses.temperatures import Temperatures

KL = 'y * (log(y) - log(p))'
"""The Kullback-Leibler divergence, of which ``KLDiscretLoss`` is the sum over rows, divided by the number of keypoints."""


def objective_of(loss: nn.Module, head: nn.Module) -> Callable[..., Tensor]:
    """A loss as a function of the tensors of a recorded call (``screen.Sample``).

    Args:
        loss: The loss.
        head: The module that calls it.
    """
    weighted = _with_weight(loss) if _needs_weight(loss) else loss
    adapt = _ADAPTED.get(type(loss).__name__)
    return adapt(weighted, head) if adapt else weighted


def _needs_weight(loss: nn.Module) -> bool:
    """Whether a loss insists on weights, which are not recorded where all are 1."""
    return type(loss).__module__.startswith('mmpose.') and getattr(loss, 'use_target_weight', False) is True


def _with_weight(loss: nn.Module) -> Callable[..., Tensor]:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss(pred, target, pred.new_ones(pred.shape[:2]) if weight is None else weight, **options)

    return objective


def _of_axes(loss: Callable[..., Tensor], head: nn.Module) -> Callable[..., Tensor]:
    """Of one axis: temperatures are already in the recorded tensors, and the mean over bins in the weights."""
    divergence = plain_loss(parse(KL), 'bins', {'average': 'sum'})
    keypoints = getattr(head, 'out_channels', 1)

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return divergence(pred, target, weight) / keypoints

    return objective


def _at_temperatures(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """A searched loss whose temperatures are already in the recorded tensors."""
    tempered = copy.copy(loss)
    tempered.temperatures = Temperatures()
    return tempered


def _of_pairs(loss: Callable[..., Tensor], head: nn.Module) -> Callable[..., Tensor]:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        y, quality = target[:, :-1], target[:, -1]
        labels = y.argmax(dim=1).where(y.any(dim=1), y.shape[1])
        return loss(pred, (labels, quality), weight, **options)

    return objective


def _of_products(loss: Callable[..., Tensor], head: nn.Module) -> Callable[..., Tensor]:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss(pred, target[:, :-1] * target[:, -1:], weight, **options)

    return objective


def _of_identities(loss: Callable[..., Tensor], head: nn.Module) -> Callable[..., Tensor]:
    """Of several identities: of one, ``TripletLoss`` looks for the nearest of no others."""

    def objective(pred: Tensor, target: Tensor) -> Tensor:
        return loss(pred, target) if len(target.unique()) > 1 else 0 * pred.sum()

    return objective


_ADAPTED: dict[str, Callable[[Callable[..., Tensor], nn.Module], Callable[..., Tensor]]] = {
    'SearchedLoss': _at_temperatures,
    'KLDiscretLoss': _of_axes,
    'TripletLoss': _of_identities,
    'QualityFocalLoss': _of_pairs,
    'VarifocalLoss': _of_products,
    'VariFocalLoss': _of_products,
}
"""Functions that adapt losses, by the names of their classes."""
