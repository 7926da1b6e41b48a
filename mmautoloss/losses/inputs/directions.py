"""Directions of features, as of networks that learn without labels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses.inputs.kind import InputKind, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_rows, values_as_rows


class Direction(InputKind):
    """Features (M, C) of length 1: ``p`` of the prediction, ``y`` of the target; so ``-p * y`` sums to minus their cosine.

    Features (N, L, C) are rows, with weights (N, L). SimSiam and BYOL of mmpretrain compare the features of two views so.
    """

    name = 'direction'
    meanings = {'p': 'a channel of the predicted feature, divided by its length', 'y': 'that of the target'}
    spread = 0.5
    regression = True
    metric = 'alignment'

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        return super().ranges | dict.fromkeys(self.names, (-1.0, 1.0))

    def calls(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        return [values_as_rows(pred, target, weight) if pred.dim() == 3 else (pred, target, weight)]

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or target.shape != pred.shape or (weight is not None and weight.shape != pred.shape[:1]):
            raise wrong_shapes(self.name, '(M, C) or (N, L, C) with targets of the same shape', pred, target)
        return choose_rows(pred, target, weight)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(F.normalize(pred)), 'y': as_nchw(F.normalize(target.to(pred.dtype)))}
