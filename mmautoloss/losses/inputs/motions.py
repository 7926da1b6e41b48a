"""Positions of keypoints in frames of a video, and their changes."""

from __future__ import annotations

from torch import Tensor

from mmautoloss.losses.inputs.deltas import Delta


class Motion(Delta):
    """Points (N, T, K, D) of T frames as rows: ``p`` and ``y`` are coordinates, or their changes from frame to frame.

    A call is the sum of three: of the points, of the points in the scale that fits the target best, and of their changes.
    So ``sqrt(mean_c((p - y) ** 2) / D)`` is mmpose's ``MPJPEVelocityJointLoss``, which MotionBERT trains with, for
    coordinates of D dimensions. Other calls are those of ``delta``.
    """

    name = 'motion'
    meanings = {'p': 'a predicted coordinate, or its change from frame to frame', 'y': 'its target'}
    metric = 'closeness'

    def calls(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        if pred.dim() != 4 or target.shape != pred.shape:
            return super().calls(pred, target, weight)
        steps, wanted = (points.diff(dim=1) for points in (pred, target))
        parts = [(pred, target), (_scaled(pred, target), target)] + ([(steps, wanted)] if steps.numel() else [])
        return [(part.flatten(0, 2), goal.flatten(0, 2), None) for part, goal in parts]


def _scaled(pred: Tensor, target: Tensor) -> Tensor:
    """Points in the scale in which the sum of their squared errors is the least, for each frame."""
    products, squares = ((points * pred).sum(dim=(-2, -1), keepdim=True) for points in (target, pred))
    return products / squares * pred
