"""A custom kind of input: margins, as in hinge losses.

The graph reads the logits as ``p``, and as ``y`` +1 for the true class and -1 for the other classes. So twice the hinge loss
is ``abs(1 - y * p) + 1 - y * p``. Name this module in a search config, and the kind in a branch:

    custom_imports = dict(imports=['examples.input_kind'], allow_failed_imports=False)
    train_cfg = dict(branches=dict(cls=dict(path='roi_head.bbox_head.loss_cls', inputs='margin')), ...)
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses import InputKind, Rows, as_nchw, choose_rows, register_kind


class Margin(InputKind):
    """Rows of logits (M, C) with labels (M,): ``p`` are the logits, ``y`` is +1 or -1."""

    name = 'margin'
    metric = 'softmax_recall'  # of the rejection test: the share of rows with the highest logit in the true class
    activation = 'identity'  # p is the raw prediction, which the compiled screen supports

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        """The rows whose label is a class."""
        keep = (target >= 0) & (target < pred.shape[1])
        if ignore_index is not None:
            keep = keep & (target != ignore_index)
        return choose_rows(pred, target, weight, keep)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The inputs (M, C, 1, 1)."""
        sign = 2 * F.one_hot(target.long(), pred.shape[1]) - 1
        return {'p': as_nchw(pred), 'y': as_nchw(sign.to(pred.dtype))}


register_kind(Margin())
