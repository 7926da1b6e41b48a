"""Predicted and true label maps that were checked to fit each other."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.errors import SetupError


class LabelMaps(NamedTuple):
    """Labels of N images of one size, checked by :func:`check_label_maps`.

    Attributes:
        pred: Predicted labels (N, H, W), int64.
        target: True labels (N, H, W), int64.
        valid: (N, H, W), false where the target is to be ignored.
        num_classes: C; where ``valid``, both labels lie in [0, C).
    """

    pred: Tensor
    target: Tensor
    valid: Tensor
    num_classes: int

    def histogram(self, labels: Tensor, mask: Tensor) -> Tensor:
        """Counts the labels (N, H, W) of each image under a mask that lies within ``valid``; (N, C)."""
        images, bins = len(labels), self.num_classes + 1  # the last bin is for pixels outside of the mask
        first = torch.arange(images, device=labels.device)[:, None, None] * bins
        counts = (labels.where(mask, self.num_classes) + first).flatten().bincount(minlength=images * bins)
        return counts.view(images, bins)[:, : self.num_classes]


def check_label_maps(pred: Tensor, target: Tensor, num_classes: int, ignore_index: int = 255) -> LabelMaps:
    """Checks label maps before anything is counted.

    Args:
        pred: Predicted labels (N, H, W) of any integer type.
        target: True labels (N, H, W) of any integer type.
        num_classes: C.
        ignore_index: Label of the target that does not count; the prediction there does not matter.

    Raises:
        SetupError: Shapes or types do not fit, or a label that counts lies outside [0, C).
    """
    if pred.dim() != 3 or pred.shape != target.shape:
        raise SetupError(
            'Label maps must have one shape (N, H, W), but the prediction has '
            f'{tuple(pred.shape)} and the target {tuple(target.shape)}; take the argmax over the classes '
            'and bring both to one size.'
        )
    for name, labels in (('prediction', pred), ('target', target)):
        if labels.is_floating_point():
            raise SetupError(f'Labels must be integers, but the {name} is {labels.dtype}; pass labels, not scores.')
    pred, target = pred.long(), target.long().to(pred.device)
    valid = target != ignore_index
    for name, labels in (('prediction', pred), ('target', target)):
        wrong = valid & ((labels < 0) | (labels >= num_classes))
        if wrong.any():
            raise SetupError(
                f'Labels must lie in [0, {num_classes}), but the {name} has {labels[wrong].unique().tolist()}; '
                f'set num_classes (the classes of the data set) or ignore_index={ignore_index} accordingly.'
            )
    return LabelMaps(pred, target, valid, num_classes)
