"""Cosines of embeddings and classes, to which margins can be added."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.kind import InputKind, wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_rows


class Cosine(InputKind):
    """Exclusive classes by angles: ``c`` = the cosine of the embedding and of the class, ``y`` = one-hot label.

    Predictions are the cosines (M, C) themselves, as mmpretrain's ``ArcFaceClsHead`` passes them with ``scale=1.0`` and
    ``margins=0.0``; scale and margin are part of the expression. Predictions beyond 1 count as 1. The target is labels (M,)
    or ``y`` itself, (M, C). A label that is ignored, negative or not below C does not count.
    """

    name = 'cosine'
    names = ('c', 'y')
    meanings = {
        'c': 'the cosine of the angle between the embedding and the centre of a class (channel)',
        'y': 'the one-hot label',
    }
    from_prediction = frozenset({'c'})
    spread = 0.3
    metric = 'softmax_recall'

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        return super().ranges | {'c': (-1.0, 1.0)}

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or target.shape not in (pred.shape, pred.shape[:1]):
            raise wrong_shapes(self.name, '(M, C) with labels (M,) or targets (M, C)', pred, target)
        if weight is not None and weight.shape != pred.shape[:1]:
            raise SetupError(f'Inputs "cosine" need one weight a row, but got weights {tuple(weight.shape)}.')
        if target.dim() == 2:
            return choose_rows(pred, target, weight)
        keep = (target >= 0) & (target < pred.shape[1])
        return choose_rows(pred, target, weight, keep if ignore_index is None else keep & (target != ignore_index))

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        y = target if target.dim() == 2 else F.one_hot(target.long(), pred.shape[1])
        return {'c': as_nchw(pred.clamp(-1, 1)), 'y': as_nchw(y.to(pred.dtype))}
