"""Masks of instances of which each is compared as a whole."""

from __future__ import annotations

import torch
from torch import Tensor

from mmautoloss.losses.inputs.kind import wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_rows
from mmautoloss.losses.inputs.scores import OfSigmoid


class Instance(OfSigmoid):
    """Masks of instances, a row each: ``p`` = sigmoid of the logits, ``y`` = the mask, one channel a pixel.

    Logits are (M, H, W), or (M, P) at points, with targets of the same shape in [0, 1] and weights (M,), as heads call
    mmdet's ``DiceLoss``. ``mean_c`` is the mean over the pixels of an instance. An instance has the mean over its pixels
    as its loss, however many they are, so its elements are weighted with 1 / P.
    """

    name = 'instance'
    meanings = {
        'p': 'the sigmoid of the mask logit of a pixel (channel) of an instance',
        'y': 'the mask of the instance there, from 0 to 1',
    }
    metric = 'instance_recall'

    def calls(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        return [(_flat(pred), _flat(target), weight)]

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or target.shape != pred.shape or (weight is not None and weight.shape != pred.shape[:1]):
            raise wrong_shapes(
                self.name, '(M, H, W) or (M, P) with targets of the same shape and weights (M,)', pred, target
            )
        rows = choose_rows(pred, target, weight)
        weight = rows.pred.new_ones(len(rows.pred), 1, 1, 1) if rows.weight is None else rows.weight
        # halves would round the share
        return rows._replace(
            weight=weight.to(torch.promote_types(weight.dtype, torch.float32)) / max(pred.shape[1], 1)
        )

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(pred.sigmoid()), 'y': as_nchw(target.to(pred.dtype))}

    def shrink(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, side: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """At most ``side ** 2`` pixels of each instance, evenly spaced, so that masks of all large sizes can be joined."""
        return _thinned(pred, target, weight, side**2)

    def joinable(
        self, calls: list[tuple[Tensor, Tensor, Tensor | None]]
    ) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """Masks with as many pixels as the smallest, since those of other levels are larger."""
        fewest = min(pred.shape[1] for pred, _, _ in calls)
        return [_thinned(*call, fewest) for call in calls]


def _thinned(pred: Tensor, target: Tensor, weight: Tensor | None, count: int) -> tuple[Tensor, Tensor, Tensor | None]:
    """At most ``count`` pixels of each instance, evenly spaced."""
    if pred.shape[1] <= count:
        return pred, target, weight
    chosen = torch.linspace(0, pred.shape[1] - 1, count, device=pred.device).long()
    return pred[:, chosen], target[:, chosen], weight


def _flat(maps: Tensor) -> Tensor:
    return maps.flatten(1) if maps.dim() > 1 else maps
