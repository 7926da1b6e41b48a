"""Class scores: softmax or sigmoid, of rows or of maps."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs.devices import is_queued
from mmautoloss.losses.inputs.kind import InputKind, full_gradient, wrong_shapes
from mmautoloss.losses.inputs.logarithms import add_at_label, at_label, classes_of
from mmautoloss.losses.inputs.rows import Rows, as_nchw, choose_images, choose_rows, values_as_rows


class Softmax(InputKind):
    """Exclusive classes: ``p`` = softmax of the logits, ``y`` = one-hot.

    Rows are logits (M, C) with labels (M,), maps are logits (N, C, H, W) with labels (N, H, W), and points of maps
    (N, C, P) with labels (N, P) are maps (N, C, P, 1). A label that is ignored, negative or not below C does not count.
    The target of rows may also be ``y`` itself, (M, C), as after Mixup and CutMix and in distillation; then each row counts.
    """

    name = 'softmax'
    meanings = {'p': 'the softmax of the logits over the classes (channels)', 'y': 'the one-hot label'}
    maps = True
    one_hot = True
    metric = 'softmax_recall'
    activation = 'softmax'

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        pred, target, weight = points_as_maps(pred, target, weight)
        soft = pred.dim() == 2 and target.shape == pred.shape
        fits = soft or target.dim() == pred.dim() - 1
        _check(self.name, pred, target, fits, '(M, C) with labels (M,) or targets (M, C), or maps with labels')
        expected = target.shape[:1] if soft else target.shape
        if weight is not None and weight.shape != expected:
            raise SetupError(
                f'Inputs "softmax" need one weight a row, {tuple(expected)}, but got weights {tuple(weight.shape)}.'
            )
        if soft:
            return choose_rows(pred, target, weight)
        keep = _labelled(target, ignore_index) & (target < pred.shape[1])
        if pred.dim() == 4:
            valid = keep if weight is None else keep & (weight != 0)
            wide = None if weight is None else weight[:, None]
            return choose_images(pred, target, wide, valid[:, None], keep)
        return choose_rows(pred, target, weight, keep)

    def is_one_hot(self, pred: Tensor, target: Tensor) -> bool:
        return target.dim() < pred.dim()

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        if not self.is_one_hot(pred, target):
            return {'p': as_nchw(pred.softmax(dim=1)), 'y': as_nchw(target.to(pred.dtype))}
        one_hot = F.one_hot(_labels(pred, target), pred.shape[1]).movedim(-1, 1).to(pred.dtype)
        return {'p': as_nchw(pred.softmax(dim=1)), 'y': as_nchw(one_hot)}

    def leaves(self, pred: Tensor, target: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        if not self.is_one_hot(pred, target):
            return self.tensors(pred, target)
        p = pred.softmax(dim=1)
        label = _labels(pred, target)[:, None]
        tensors = {'p': as_nchw(p), 'label': as_nchw(label)}
        if 'p_label' in names:
            tensors['p_label'] = as_nchw(at_label(p, label))
        if 'y' in names:
            tensors['y'] = as_nchw(torch.zeros_like(p).scatter_(1, label, 1.0))
        return tensors

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        p, through_p = tensors['p'].view(pred.shape), None
        if 'p' in gradients:  # in the shape of rows: with the channels last the kernel is 40 times as fast
            gradient = full_gradient(gradients['p'], tensors['p']).reshape(pred.shape)
            through_p = torch.ops.aten._softmax_backward_data(gradient, p, 1, p.dtype)
            if 'p_label' not in gradients:
                return through_p
        share = (gradients['p_label'] * tensors['p_label']).view(len(pred), 1, *pred.shape[2:])
        gradient = p * -share if through_p is None else through_p.addcmul_(p, share, value=-1)
        return add_at_label(gradient, tensors['label'].view(share.shape), share)


class OfSigmoid(InputKind):
    """A kind whose ``p`` is the sigmoid of the raw prediction."""

    metric = 'sigmoid_recall'
    activation = 'sigmoid'

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        gradient = torch.ops.aten.sigmoid_backward(full_gradient(gradients['p'], tensors['p']), tensors['p'])
        return gradient.view(pred.shape)


class Sigmoid(OfSigmoid):
    """Independent classes: ``p`` = sigmoid of the logits.

    Logits are rows (M, C) or maps (N, C, H, W). The target is ``y`` itself, of the same shape and in [0, 1], or labels:
    (M,) where C is background, (N, H, W) where a map of one channel (mmseg's binary segmentation) has label 1 as its
    class. Ignored and negative targets do not count. A row may also be a single number: logits (M,) with targets (M,),
    such as centerness.
    """

    name = 'sigmoid'
    meanings = {'p': 'the sigmoid of the logit of a class (channel)', 'y': 'its target, from 0 to 1'}
    maps = True
    use_sigmoid = True
    elementwise = True

    def calls(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> list[tuple[Tensor, Tensor, Tensor | None]]:
        """Points (N, K, C) with targets of that shape, as of YOLOv3, are rows; weights of elements may be flat (M * C,)."""
        if pred.dim() == 3:
            return [values_as_rows(pred, target, weight)]
        flat = weight is not None and weight.dim() == 1 and pred.dim() == 2 and len(weight) != len(pred)
        return [(pred, target, weight.view(len(pred), -1) if flat and weight is not None else weight)]

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() == 1 and target.shape == pred.shape:
            pred, target = pred[:, None], target[:, None]
        pred, target, weight = points_as_maps(pred, target, weight)
        fits = target.dim() == pred.dim() - 1 or target.shape == pred.shape
        _check(self.name, pred, target, fits, '(M, C) with labels (M,) or targets (M, C), or maps of them')
        labelled = _labelled(target, ignore_index)
        # the usual case needs no mask; of maps, a mask is less than to wait for a device
        masked = pred.dim() == 4 and is_queued(pred)
        whole = target.dim() == pred.dim() and not masked and bool(labelled.all())
        keep = None if whole else labelled
        if pred.dim() == 4:
            return self._maps(pred, target, weight, keep)
        if keep is not None and keep.dim() == 2:
            weight = keep.to(pred) if weight is None else torch.where(keep, weight.view(len(pred), -1), 0)
            keep = keep.any(dim=1)
        rows = choose_rows(pred, target, weight, keep)
        return rows._replace(target=_binary(rows.target, pred))

    def _maps(self, pred: Tensor, target: Tensor, weight: Tensor | None, keep: Tensor | None) -> Rows:
        if weight is not None and weight.dim() == 3:
            weight = weight[:, None]
        if weight is not None and weight.dim() != 4:
            raise SetupError(
                f'Inputs "sigmoid" need weights (N, H, W) or (N, C, H, W) for maps, but got {tuple(weight.shape)}.'
            )
        counted = torch.ones_like(pred[:, :1], dtype=torch.bool) if keep is None else keep
        counted = counted if counted.dim() == 4 else counted[:, None]
        valid = counted if weight is None else counted & (weight != 0)
        return choose_images(pred, _binary(target, pred), weight, valid, counted.any(dim=1, keepdim=True))

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': as_nchw(pred.sigmoid()), 'y': as_nchw(target.to(pred.dtype).clamp(min=0))}


class Mask(OfSigmoid):
    """Masks of instances, as mmdet's ``FCNMaskHead`` calls its loss: only the mask of the true class counts.

    Logits are (M, C, H, W), targets (M, H, W) in [0, 1], and the third argument is not a weight but the class (M,) of each
    instance. ``p`` = sigmoid and ``y`` have the shape (M, 1, H, W). Points (M, C, P) are masks (M, C, P, 1).
    """

    name = 'mask'
    meanings = {
        'p': 'the sigmoid of the mask logit of the true class (one channel)',
        'y': 'the mask of the instance, from 0 to 1',
    }
    weighted = False

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        pred, target, weight = points_as_maps(pred, target, weight)
        expected = '(M, C, H, W) with masks (M, H, W) and classes (M,)'
        if weight is None or weight.shape != target.shape[:1]:
            raise wrong_shapes(self.name, expected, pred, target)
        _check(self.name, pred, target, pred.dim() == 4 and target.dim() == 3, expected)
        index = torch.arange(len(pred), device=pred.device)
        return Rows(pred[index, weight.long()][:, None], target[:, None], None, index)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': pred.sigmoid(), 'y': target.to(pred.dtype)}

    def shrink(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, side: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """The masks of the true classes, as a class-agnostic head would call the loss."""
        chosen = self.rows(pred, target, weight, None).pred
        pred, target, _ = super().shrink(chosen, target, None, side)
        return pred, target, None if weight is None else torch.zeros_like(weight)


def points_as_maps(pred: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """A call for points of maps, logits (N, C, P) with labels (N, P), as one for maps (N, C, P, 1); others as they are."""
    if pred.dim() != 3 or target.dim() != 2:
        return pred, target, weight
    if weight is not None and weight.dim() > 1:  # for masks it is the class
        weight = weight[..., None]
    return pred[..., None], target[..., None], weight


def _labels(pred: Tensor, target: Tensor) -> Tensor:
    """Labels as indices; any index for those that do not count."""
    return target.long().clamp(0, pred.shape[1] - 1)


def _labelled(target: Tensor, ignore_index: int | None) -> Tensor:
    keep = target >= 0
    return keep if ignore_index is None else keep & (target != ignore_index)


def _binary(target: Tensor, pred: Tensor) -> Tensor:
    """Labels as targets in the shape of the prediction; for rows, the label C, background, is a row of zeros."""
    if target.dim() == pred.dim():
        return target
    if pred.dim() == 4 and pred.shape[1] == 1:
        return (target == 1)[:, None].to(pred.dtype)
    return (target.unsqueeze(1) == classes_of(pred)).to(pred.dtype)


def _check(name: str, pred: Tensor, target: Tensor, fits: bool, expected: str) -> None:
    maps = pred.dim() == 4 and pred.shape[-2:] == target.shape[-2:]
    if not fits or len(pred) != len(target) or not (pred.dim() == 2 or maps):
        raise wrong_shapes(name, expected, pred, target)
