"""Distributions over bins, such as those of coordinates in SimCC and of box sides in GFL."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.kind import InputKind, full_gradient, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_rows


class Bins(InputKind):
    """Distributions over bins: ``p`` = softmax of the logits, ``y`` = the target distribution.

    Rows are logits (M, C). A target is a distribution (M, C), or a position (M,) from 0 to C - 1 that the two bins beside it
    share in proportion, as in the distribution focal loss of GFL.

    A call may also have one tensor of logits (N, K, C) an axis, each with target distributions of that shape, and weights
    (N, K), as SimCC and RTMPose call their loss. The loss is then the sum over the axes, and each row is weighted with
    1 / C, as in mmpose's ``KLDiscretLoss``, which takes the mean over bins. Maps (N, K, H, W) are distributions over pixels,
    with weights (N, K). Where a call has a number in place of weights, as that of mmpose's ``KDLoss``, the targets are the
    logits of a teacher, and the number is the temperature of both; the loss is the sum over the axes of means over rows.
    """

    name = 'bins'
    meanings = {'p': 'the softmax of the logits over the bins (channels)', 'y': 'the target distribution'}
    metric = 'overlap'
    activation = 'softmax'

    def calls(self, pred: Any, target: Any, weight: Any) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        if isinstance(pred, Tensor) and pred.dim() > 2:
            pred, target = (maps.flatten(2).flatten(0, 1) for maps in (pred, target))
            return [(pred, target, None if weight is None else weight.flatten())]
        if isinstance(pred, Tensor):
            return [(pred, target, weight)]
        if not isinstance(target, (tuple, list)) or len(target) != len(pred):
            raise SetupError(
                f'Inputs "bins" need targets for each of {len(pred)} axes, but got {_count(target)}; a call without axes '
                'has one tensor of logits (M, C).'
            )
        if isinstance(weight, Real):
            return [_of_teacher(*axis, float(weight)) for axis in zip(pred, target, strict=True)]
        return [_of_axis(*axis, weight) for axis in zip(pred, target, strict=True)]

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        fits = pred.dim() == 2 and target.shape in (pred.shape, pred.shape[:1])
        if not fits or (weight is not None and weight.shape != pred.shape[:1]):
            raise wrong_shapes(self.name, '(M, C) with targets (M, C) or (M,) and weights (M,)', pred, target)
        return choose_rows(pred, target if target.dim() == 2 else shared_by_neighbours(target, pred.shape[1]), weight)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(pred.softmax(dim=1)), 'y': as_nchw(target.to(pred.dtype))}

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        p = tensors['p'].view(pred.shape)
        gradient = full_gradient(gradients['p'], tensors['p']).reshape(pred.shape)
        return torch.ops.aten._softmax_backward_data(gradient, p, 1, p.dtype)


def _of_axis(pred: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    rows = pred.flatten(0, -2)
    weight = torch.ones(len(rows), device=pred.device) if weight is None else weight.flatten()
    # halves would round the factor
    return rows, target.flatten(0, -2), weight.to(torch.promote_types(weight.dtype, torch.float32)) / pred.shape[-1]


def _of_teacher(pred: Tensor, target: Tensor, beta: float) -> tuple[Tensor, Tensor, None]:
    return beta * pred.flatten(0, -2), (beta * target.flatten(0, -2)).softmax(dim=1), None


def _count(target: Any) -> str:
    return f'{len(target)}' if isinstance(target, (tuple, list)) else 'one tensor'


def shared_by_neighbours(positions: Tensor, bins: int) -> Tensor:
    """Distributions (M, bins) of which the two bins beside a position (M,) have their share."""
    places = torch.arange(bins, device=positions.device, dtype=positions.dtype)
    return (1 - (positions[:, None] - places).abs()).clamp(min=0)
