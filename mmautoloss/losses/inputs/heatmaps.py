"""Heat maps of keypoints, without activation."""

from __future__ import annotations

import torch
from torch import Tensor

from mmautoloss.losses.inputs.devices import is_queued
from mmautoloss.losses.inputs.kind import Unactivated, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_images


class Heatmap(Unactivated):
    """Heat maps of keypoints: ``p`` and ``y`` (N, K, H, W), one channel per keypoint, without activation.

    The third argument of a call holds the weights of keypoints (N, K), or of pixels (N, K, H, W); a keypoint of weight 0
    does not count. Some heads of mmpose (DEKR) also pass a mask of pixels, (N, 1, H, W) or as large as the maps, as the
    fourth argument; it multiplies the weights. Maps with a depth (N, K, D, H, W) are D maps, one below the other.
    """

    name = 'heatmap'
    meanings = {'p': 'the predicted heat map of a keypoint (channel) as it is', 'y': 'its target'}
    maps = True
    metric = 'heatmap_recall'

    def calls(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        if pred.dim() == 5:
            weight = weight.flatten(2, 3) if weight is not None and weight.dim() == 5 else weight
            return [(pred.flatten(2, 3), target.flatten(2, 3), weight)]
        return [(pred, target, weight)]

    def masked(self, weight: Tensor | None, mask: Tensor, pred: Tensor) -> Tensor:
        """Weights of pixels (N, K, H, W) within a mask."""
        weight = pred.new_ones(()) if weight is None else as_nchw(weight)
        return (weight * mask).expand(pred.shape)

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        fits = weight is None or weight.shape in (pred.shape, pred.shape[:2])
        if pred.dim() != 4 or target.shape != pred.shape or not fits:
            expected = '(N, K, H, W) with targets of the same shape and weights (N, K) or (N, K, H, W)'
            raise wrong_shapes(self.name, expected, pred, target)
        if weight is None:
            return Rows(pred, target, None)
        weight = as_nchw(weight)
        rows = choose_images(pred, target, weight, weight != 0, pred[:, 0].numel())
        # weights of 1 and 0 only say which elements count
        return (
            rows._replace(weight=None) if not is_queued(pred) and bool(((weight == 0) | (weight == 1)).all()) else rows
        )

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Heat maps with about half of the values high, so that a loss must lower as many as it must raise."""
        return super().scatter(values + 0.5, unit, generator)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': pred, 'y': target.to(pred.dtype)}
