"""Hand-made losses as functions of recorded calls, where a recorded call has another form than that of the head."""

from __future__ import annotations

import copy
from typing import Any

from torch import Tensor, nn

from mmautoloss.branches.attributes import channels_of
from mmautoloss.branches.loss_class import Objective
from mmautoloss.expr import parse
from mmautoloss.losses import known_loss, plain_loss
from mmautoloss.losses.call_weights import CallWeights
from mmautoloss.losses.temperatures import Temperatures

KL = 'y * (log(y) - log(p))'
"""The Kullback-Leibler divergence, of which ``KLDiscretLoss`` is the sum over rows, divided by the number of keypoints."""


def of_axes(loss: Objective, head: nn.Module) -> Objective:
    """Of one axis: temperatures are already in the recorded tensors, and the mean over bins in the weights."""
    divergence = plain_loss(parse(KL), 'bins', {'average': 'sum'})
    keypoints = channels_of(head)

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return divergence(pred, target, weight) / keypoints

    return objective


def of_units(loss: Any, head: nn.Module) -> Objective:
    """Of keypoints: units of persons are already in the recorded coordinates."""
    return plain_loss(parse(f'{loss.loss_weight} * {known_loss("oks", "keypoint")}'), 'keypoint')


def of_likelihoods(loss: Any, head: nn.Module) -> Objective:
    """Of one axis, with the mean over bins in the recorded weights."""

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        weight = pred.new_ones(len(pred)) if weight is None else weight * pred.shape[1]
        return loss([pred[:, None]], [target[:, None]], weight[:, None]).mean()

    return objective


def of_persons(loss: Any, head: nn.Module) -> Objective:
    """Of mmpose's maps (N, K, H, W), divided by the number of persons alone, of which keypoints are recorded as rows."""
    keypoints = channels_of(head)

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return keypoints * loss(pred, target, weight)

    return objective


def of_teacher(loss: Any, head: nn.Module) -> Objective:
    """Of mmdet's distillation: temperatures are already in the recorded tensors."""
    divergence = plain_loss(parse(KL), 'bins', {} if loss.reduction == 'mean' else {'average': 'sum'})

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss.loss_weight * loss.T**2 / pred.shape[1] * divergence(pred, target, weight, **options)

    return objective


def of_student(loss: Any, head: nn.Module) -> Objective:
    """Of mmpose's distillation: one axis, with temperatures already in the recorded tensors."""
    return plain_loss(parse(f'{loss.weight} * ({KL})'), 'bins')


def of_positions(loss: Any, head: nn.Module) -> Objective:
    """Of the points of a motion alone, which are recorded as rows."""

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return loss.loss_weight * (pred - target).norm(dim=-1).mean()

    return objective


def of_patches(loss: Any, head: nn.Module) -> Objective:
    """Of mmpretrain's pixels: patches (N, L, D), and maps (N, D, H, W) with ``channel``, are recorded as rows."""

    def as_patches(rows: Tensor) -> Tensor:
        return rows[None] if loss.channel == 1 else rows.T[None, :, :, None]

    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        if weight is not None:
            weight = weight.reshape(1, len(pred)) if loss.channel == 1 else weight.reshape(1, 1, len(pred), 1)
        return loss(as_patches(pred), as_patches(target), weight)

    return objective


def at_logits(loss: Any, head: nn.Module) -> Objective:
    """A searched loss whose temperatures and logits are already in the recorded tensors, and its weights in theirs."""
    tempered = copy.copy(loss)
    tempered.temperatures, tempered.activated, tempered.call_weights = Temperatures(), False, CallWeights()
    # weights that do not count are not recorded
    tempered.counts = loss.counts._replace(use_target_weight=True)
    return tempered


def of_pairs(loss: Objective, head: nn.Module) -> Objective:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        y, quality = target[:, :-1], target[:, -1]
        labels = y.argmax(dim=1).where(y.any(dim=1), y.shape[1])
        return loss(pred, (labels, quality), weight, **options)

    return objective


def of_products(loss: Objective, head: nn.Module) -> Objective:
    def objective(pred: Tensor, target: Tensor, weight: Tensor | None = None, **options: Any) -> Tensor:
        return loss(pred, target[:, :-1] * target[:, -1:], weight, **options)

    return objective


def of_identities(loss: Objective, head: nn.Module) -> Objective:
    """Of several identities: of one, ``TripletLoss`` looks for the nearest of no others."""

    def objective(pred: Tensor, target: Tensor) -> Tensor:
        return loss(pred, target) if len(target.unique()) > 1 else 0 * pred.sum()

    return objective
