"""Embeddings and identities: the distances of metric learning."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmautoloss.losses.inputs.kind import InputKind, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, choose_rows

SQUARED_EPS = 1e-12
"""Smallest squared distance, as in mmdet's ``TripletLoss``: the root has no derivative at 0."""


class Triplet(InputKind):
    """Embeddings (M, D) with identities (M,): each row is an anchor, the batch has its partners.

    ``a`` is the distance to the farthest row of the same identity, ``n`` that to the nearest row of another one
    (Hermans et al., arXiv 1703.07737), so that ``0.5 * (a - n + 0.3 + abs(a - n + 0.3))`` is mmdet's ``TripletLoss``.
    Where several rows are equally far, the gradient goes through one of them.

    Rows of weight 0, an ignored identity or a negative one are neither anchors nor partners. An anchor without others of its
    identity has ``a`` = 1e-6, its distance to itself; where all rows have one identity, none counts.
    """

    name = 'triplet'
    names = ('a', 'n')
    meanings = {
        'a': 'the Euclidean distance of an embedding to the farthest one of the same identity in the batch',
        'n': 'its distance to the nearest one of another identity',
    }
    from_prediction = frozenset({'a', 'n'})
    from_target = frozenset({'a', 'n'})
    spread = 1.0
    metric = 'apart'
    related = True

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        return super().ranges | dict.fromkeys(self.names, (0.0, math.inf))

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or target.shape != pred.shape[:1] or target.is_floating_point():
            raise wrong_shapes(self.name, '(M, D) with identities (M,)', pred, target)
        keep = target >= 0
        rows = choose_rows(pred, target, weight, keep if ignore_index is None else keep & (target != ignore_index))
        if len(rows.target) and bool((rows.target != rows.target[0]).any()):
            return rows
        return rows._replace(
            pred=rows.pred[:0],
            target=rows.target[:0],
            weight=None if rows.weight is None else rows.weight[:0],
            chosen=rows.index[:0],
        )

    def channels(self, pred: Tensor) -> int:
        return 1

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        farthest, nearest = partners(pred, target)
        distances = {'a': distance(pred, pred[farthest]), 'n': distance(pred, pred[nearest])}
        return {name: values.view(-1, 1, 1, 1) for name, values in distances.items()}


def partners(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Of each row (M, D) the position of the farthest of its identity and of the nearest of another, each (M,)."""
    same = target[:, None] == target
    if not len(pred):
        return same.new_zeros(0, dtype=torch.long), same.new_zeros(0, dtype=torch.long)
    distances = torch.cdist(pred.detach(), pred.detach(), compute_mode='donot_use_mm_for_euclid_dist')
    return distances.where(same, -1).argmax(dim=1), distances.where(~same, math.inf).argmin(dim=1)


def distance(one: Tensor, other: Tensor) -> Tensor:
    """The Euclidean distance of each pair of rows (M, D), at least 1e-6; NaN where a number is not finite."""
    return (one - other).square().sum(dim=1).clamp(min=SQUARED_EPS).sqrt()
