"""Embeddings and identities: the distances and cosines of metric learning."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses.inputs.kind import InputKind, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, choose_rows

SQUARED_EPS = 1e-12
"""Smallest squared distance, as in mmdet's ``TripletLoss``: the root has no derivative at 0."""
NORM_EPS = 1e-6
"""Smallest length by which an embedding is divided."""


class OfEmbeddings(InputKind):
    """Embeddings (M, D) with identities (M,): each row is an anchor, the others of the batch are its partners.

    Rows of weight 0, an ignored identity or a negative one are neither.
    """

    spread = 1.0
    related = True

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or target.shape != pred.shape[:1] or target.is_floating_point():
            raise wrong_shapes(self.name, '(M, D) with identities (M,)', pred, target)
        keep = target >= 0
        return choose_rows(pred, target, weight, keep if ignore_index is None else keep & (target != ignore_index))


class Triplet(OfEmbeddings):
    """Distances ``a`` to the farthest row of the same identity and ``n`` to the nearest row of another one.

    With them (Hermans et al., arXiv 1703.07737) ``0.5 * (a - n + 0.3 + abs(a - n + 0.3))`` is mmdet's ``TripletLoss``.
    Where several rows are equally far, the gradient goes through one of them. An anchor without others of its identity has
    ``a`` = 1e-6, its distance to itself; where all rows have one identity, none counts.
    """

    name = 'triplet'
    names = ('a', 'n')
    meanings = {
        'a': 'the Euclidean distance of an embedding to the farthest one of the same identity in the batch',
        'n': 'its distance to the nearest one of another identity',
    }
    from_prediction = frozenset({'a', 'n'})
    from_target = frozenset({'n'})  # a loss of `a` alone would draw all images to one point
    metric = 'apart'

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        return super().ranges | dict.fromkeys(self.names, (0.0, math.inf))

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        rows = super().rows(pred, target, weight, ignore_index)
        # waits for a device: without another identity no distance to one exists, so the shape depends on it
        several = len(rows.target) and bool((rows.target != rows.target[0]).any())
        return rows if several else _without_any(rows)

    def channels(self, pred: Tensor) -> int:
        return 1

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        farthest, nearest = partners(pred, target)
        distances = {'a': distance(pred, pred[farthest]), 'n': distance(pred, pred[nearest])}
        return {name: values.view(-1, 1, 1, 1) for name, values in distances.items()}


class Pairs(OfEmbeddings):
    """Every two rows: ``p``, the cosine of their embeddings, and ``y``, 1 where their identity is the same, else 0.

    The channels of an anchor are its M - 1 partners, so that ``mean_c`` is the mean over them. A single row does not count.
    """

    name = 'pairs'
    meanings = {
        'p': 'the cosine of the embedding and of that of another image of the batch (channel)',
        'y': '1 if both have the same identity, else 0',
    }
    metric = 'apart_by_angle'

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        return super().ranges | {'y': (0.0, 1.0)}

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        rows = super().rows(pred, target, weight, ignore_index)
        return rows if len(rows.target) > 1 else _without_any(rows)

    def channels(self, pred: Tensor) -> int:
        return max(len(pred) - 1, 0)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        directions = F.normalize(pred, eps=NORM_EPS)
        same = target[:, None] == target
        return {'p': _of_partners(directions @ directions.T), 'y': _of_partners(same.to(pred.dtype))}


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


def _of_partners(matrix: Tensor) -> Tensor:
    """A matrix (M, M) without its diagonal, (M, M - 1, 1, 1)."""
    count = len(matrix)
    if count < 2:
        return matrix.new_zeros(count, 0, 1, 1)
    return matrix.flatten()[1:].view(count - 1, count + 1)[:, :-1].reshape(count, count - 1, 1, 1)


def _without_any(rows: Rows) -> Rows:
    weight = None if rows.weight is None else rows.weight[:0]
    return rows._replace(pred=rows.pred[:0], target=rows.target[:0], weight=weight, chosen=rows.index[:0])
