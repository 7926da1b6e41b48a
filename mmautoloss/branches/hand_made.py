"""Hand-made losses as functions of recorded calls, also where their heads pass more than single tensors."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from mmautoloss.branches.loss_settings import (
    OF_DISTRIBUTIONS,
    OF_FORMULAS,
    carried,
    channels_of,
    reads_probabilities,
)
from mmautoloss.expr import parse
from mmautoloss.losses import known_loss, plain_loss
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
    objective = adapt(weighted, head) if adapt else weighted
    objective = _of_logits(objective, loss) if reads_probabilities(loss) else objective
    return _averaged(objective) if carried(loss, None, head).get('reduction') == 'none' else objective


def _needs_weight(loss: nn.Module) -> bool:
    """Whether a loss insists on weights, which are not recorded where all are 1."""
    return type(loss).__module__.startswith('mmpose.') and getattr(loss, 'use_target_weight', False) is True


def _with_weight(loss: nn.Module) -> Callable[..., Tensor]:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss(pred, target, pred.new_ones(pred.shape[:2]) if weight is None else weight, **options)

    return objective


def _averaged(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Of a loss whose values the head reads one by one: their sum, divided by the number of rows or pixels."""

    def objective(pred: Tensor, *args: Any, avg_factor: float | None = None, **options: Any) -> Tensor:
        positions = pred[:, 0].numel() if pred.dim() > 1 else len(pred)
        return loss(pred, *args, **options).sum() / (avg_factor or positions)

    return objective


def _of_logits(objective: Callable[..., Tensor], loss: nn.Module) -> Callable[..., Tensor]:
    """Of a loss that reads probabilities: their logits are recorded."""
    of_bins = type(loss).__name__ in OF_DISTRIBUTIONS

    def of_logits(pred: Tensor, *args: Any, **options: Any) -> Tensor:
        return objective(pred.softmax(dim=1) if of_bins else pred.sigmoid(), *args, **options)

    return of_logits


def _of_axes(loss: Callable[..., Tensor], head: nn.Module) -> Callable[..., Tensor]:
    """Of one axis: temperatures are already in the recorded tensors, and the mean over bins in the weights."""
    divergence = plain_loss(parse(KL), 'bins', {'average': 'sum'})
    keypoints = channels_of(head)

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return divergence(pred, target, weight) / keypoints

    return objective


def _of_units(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """Of keypoints: units of persons are already in the recorded coordinates."""
    return plain_loss(parse(f'{loss.loss_weight} * {known_loss("oks", "keypoint")}'), 'keypoint')


def _of_likelihoods(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """Of one axis, with the mean over bins in the recorded weights."""

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        weight = pred.new_ones(len(pred)) if weight is None else weight * pred.shape[1]
        return loss([pred[:, None]], [target[:, None]], weight[:, None]).mean()

    return objective


def _of_persons(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """Of mmpose's maps (N, K, H, W), divided by the number of persons alone, of which keypoints are recorded as rows."""
    keypoints = channels_of(head)

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return keypoints * loss(pred, target, weight)

    return objective


def _of_teacher(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """Of mmdet's distillation: temperatures are already in the recorded tensors."""
    divergence = plain_loss(parse(KL), 'bins', {} if loss.reduction == 'mean' else {'average': 'sum'})

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss.loss_weight * loss.T**2 / pred.shape[1] * divergence(pred, target, weight, **options)

    return objective


def _of_patches(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """Of mmpretrain's pixels: patches (N, L, D), and maps (N, D, H, W) with ``channel``, are recorded as rows."""

    def as_patches(rows: Tensor) -> Tensor:
        return rows[None] if loss.channel == 1 else rows.T[None, :, :, None]

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        if weight is not None:
            weight = weight.reshape(1, len(pred)) if loss.channel == 1 else weight.reshape(1, 1, len(pred), 1)
        return loss(as_patches(pred), as_patches(target), weight)

    return objective


def _at_logits(loss: Any, head: nn.Module) -> Callable[..., Tensor]:
    """A searched loss whose temperatures and logits are already in the recorded tensors."""
    tempered = copy.copy(loss)
    tempered.temperatures, tempered.activated = Temperatures(), False
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
    **dict.fromkeys(OF_FORMULAS, _at_logits),
    'OKSLoss': _of_units,
    'MLECCLoss': _of_likelihoods,
    'JSDiscretLoss': _of_persons,
    'KnowledgeDistillationKLDivLoss': _of_teacher,
    'PixelReconstructionLoss': _of_patches,
    'KLDiscretLoss': _of_axes,
    'TripletLoss': _of_identities,
    'QualityFocalLoss': _of_pairs,
    'VarifocalLoss': _of_products,
    'VariFocalLoss': _of_products,
}
"""Functions that adapt losses, by the names of their classes."""
