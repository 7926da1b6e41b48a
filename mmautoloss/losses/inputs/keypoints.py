"""Coordinates of the keypoints of a person, in units of its size."""

from __future__ import annotations

from torch import Tensor

from mmautoloss.losses.inputs.deltas import Delta


class Keypoint(Delta):
    """Points (N, K, D) as rows: ``p`` and ``y`` are coordinates in units of 2 sigma times the root of the person's area.

    Weights are (N, K). Heads of mmpose (RTMO, YOLOX-Pose) pass the areas (N,) as the fourth argument of the call, and the
    constants sigma of the keypoints are a setting of the loss. So ``0.5 * (1 - exp(-mean_c((p - y) ** 2)))`` is 1 minus the
    object keypoint similarity of COCO.
    """

    name = 'keypoint'
    meanings = {
        'p': "a predicted coordinate, in units of the person's size and the precision of the keypoint",
        'y': 'its target in the same units',
    }
    metric = 'closeness'

    def start(self, pred: Tensor, target: Tensor) -> Tensor:
        """Near the targets, since far from them the similarity is 0 and has no gradient."""
        return target
