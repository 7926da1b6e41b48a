"""Class scores that should predict how good a box is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.kind import wrong_shapes
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_rows
from mmautoloss.losses.inputs.scores import OfSigmoid


class Quality(OfSigmoid):
    """Independent classes with the quality of each row: ``p`` = sigmoid of the logits, ``y`` = one-hot label, ``q``.

    Logits are (M, C). The target is a pair of labels (M,), where C is background, and qualities (M,), such as the IoU with
    the object, as GFL and RTMDet call ``QualityFocalLoss``; or qualities (M, C), 0 but in the column of the class, as VFNet
    calls ``VarifocalLoss``. ``q`` is the quality in the column of the class, and 0 in the others, as in CSE-Autoloss.
    """

    name = 'quality'
    names = ('p', 'y', 'q')
    meanings = {
        'p': 'the sigmoid of the logit of a class (channel)',
        'y': 'the one-hot label, all 0 for background',
        'q': 'the quality of the row, such as the IoU of its box with the object, in the column of its class, else 0',
    }
    from_target = frozenset({'y', 'q'})
    metric = 'quality_closeness'
    use_sigmoid = True
    elementwise = True

    def calls(self, pred: Tensor, target: Any, weight: Any) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """The target as one tensor (M, C + 1): ``y`` and, in the last column, ``q``."""
        if isinstance(target, Tensor):
            of_classes = target.shape == pred.shape
            return [(pred, _joined((target > 0).to(target), target.amax(dim=1)) if of_classes else target, weight)]
        if not (isinstance(target, (tuple, list)) and len(target) == 2):
            raise SetupError(f'Inputs "quality" need a pair of labels and qualities, but got {type(target).__name__}.')
        labels, quality = target
        y = labels.long()[:, None] == torch.arange(pred.shape[1], device=pred.device)
        return [(pred, _joined(y.to(quality), torch.where(y.any(dim=1), quality, 0)), weight)]

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or target.shape != (len(pred), pred.shape[1] + 1):
            raise wrong_shapes(
                self.name, '(M, C) with labels (M,) and qualities (M,), or qualities (M, C)', pred, target
            )
        weight = weight[:, 0] if weight is not None and weight.dim() == 2 and weight.shape[1] == 1 else weight
        return choose_rows(pred, target, weight)

    def marked(self, rows: Rows) -> Tensor:
        return rows.target

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        y, q = target[:, :-1].to(pred.dtype), target[:, -1:].to(pred.dtype)
        return {'p': as_nchw(pred.sigmoid()), 'y': as_nchw(y), 'q': as_nchw(y * q)}


def _joined(y: Tensor, quality: Tensor) -> Tensor:
    return torch.cat([y, quality[:, None]], dim=1)
