"""How the call of a head becomes the named tensors that a graph reads: one class a kind of input.

A kind is all that a loss, the probe and the search need to know of a branch: which names a graph
may read, how prediction and target become tensors (N, C, H, W), and which rows count. Rows with
weight 0 are taken out *before* a graph sees them, since 0 * NaN is NaN and since a mean over
padding is no mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import SetupError

AREA_EPS = 1e-6
"""Least union, enclosure and target area, in the units of the boxes; as in mmdet's IoU losses."""


class Rows(NamedTuple):
    """The rows of a call that count.

    Attributes:
        pred: Raw predictions (M, ...), before the activation.
        target: Targets of the same rows (M, ...), in the form that ``InputKind.tensors`` takes.
        weight: Weight of every element, broadcastable to (M, C, 1, 1), or None where all are 1.
        index: Positions (M,) of the rows in the call.
    """

    pred: Tensor
    target: Tensor
    weight: Tensor | None
    index: Tensor


class InputKind(ABC):
    """What a graph reads in one kind of branch; stateless.

    Attributes:
        name: Name in configs.
        names: Inputs that a graph may read.
        from_prediction: Those that depend on the prediction.
        from_target: Those that depend on the target; a loss must read one of them.
        spread: Size, in natural units of the raw prediction, of the scatter over which losses are tried and compared.
        regression: Whether targets are values like the predictions, and so can be scattered as well.
    """

    name: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ('p', 'y')
    from_prediction: ClassVar[frozenset[str]] = frozenset({'p'})
    from_target: ClassVar[frozenset[str]] = frozenset({'y'})
    spread: ClassVar[float] = 2.0
    regression: ClassVar[bool] = False

    @abstractmethod
    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        """Chooses the rows of a call that have a weight and a valid target."""

    @abstractmethod
    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The named inputs (M, C, 1, 1) of chosen rows; the activation is applied here."""

    def unit(self, pred: Tensor, target: Tensor) -> Tensor:
        """One natural step of the raw prediction, broadcastable to it: 1, for boxes a side."""
        return pred.new_ones(())

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Random predictions, or targets of a regression, about the given ones."""
        return values + torch.randn(values.shape, generator=generator) * self.spread * unit


class Softmax(InputKind):
    """Exclusive classes: logits (M, C), labels (M,) below C; ``p`` = softmax, ``y`` = one-hot."""

    name = 'softmax'

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        _check_rows(self.name, pred, target, target.dim() == 1, '(M, C) with labels (M,)')
        if weight is not None and weight.shape != target.shape:
            raise SetupError(
                f'Inputs "softmax" need one weight a row, {tuple(target.shape)}, '
                f'but got weights {tuple(weight.shape)}.'
            )
        keep = (target >= 0) & (target < pred.shape[1])
        if ignore_index is not None:
            keep &= target != ignore_index
        if weight is not None:
            keep &= weight != 0
        index = keep.nonzero().squeeze(1)
        chosen = None if weight is None else weight[index].view(-1, 1, 1, 1)
        return Rows(pred[index], target[index], chosen, index)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        one_hot = F.one_hot(target.long(), pred.shape[1]).to(pred.dtype)
        return {'p': _as_nchw(pred.softmax(dim=1)), 'y': _as_nchw(one_hot)}


class Sigmoid(InputKind):
    """Independent classes: logits (M, C), ``p`` = sigmoid.

    The target is labels (M,), where C is background, or ``y`` itself, (M, C) in [0, 1].
    """

    name = 'sigmoid'

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        fits = target.dim() == 1 or target.shape == pred.shape
        _check_rows(self.name, pred, target, fits, '(M, C) with labels (M,) or targets (M, C)')
        keep = torch.ones(len(pred), dtype=torch.bool, device=pred.device)
        if target.dim() == 1:
            keep &= target >= 0
            if ignore_index is not None:
                keep &= target != ignore_index
        if weight is not None:
            keep &= _counts(weight)
        index = keep.nonzero().squeeze(1)
        chosen = None if weight is None else _element_weight(weight[index])
        return Rows(pred[index], _binary(target[index], pred), chosen, index)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': _as_nchw(pred.sigmoid()), 'y': _as_nchw(target.to(pred.dtype))}


class Delta(InputKind):
    """Values as they are, such as box deltas: ``p`` and ``y`` (M, C), without activation."""

    name = 'delta'
    spread = 0.5
    regression = True

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        fits = target.shape == pred.shape
        _check_rows(self.name, pred, target, fits, '(M, C) with targets of the same shape')
        if weight is None:
            return Rows(pred, target, None, torch.arange(len(pred), device=pred.device))
        index = _counts(weight).nonzero().squeeze(1)
        return Rows(pred[index], target[index], _element_weight(weight[index]), index)

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        return {'p': _as_nchw(pred), 'y': _as_nchw(target.to(pred.dtype))}


class Area(InputKind):
    """Decoded boxes (M, 4): areas of intersection ``i``, union ``u`` and enclosing box ``e``.

    Boxes are x1, y1, x2, y2.

    The areas are divided by the area of the target box, so that a loss means the same for small
    and large objects and stays in the range of floats; ratios such as ``i / u`` are those of
    pixels. Definitions as in mmdet's ``bbox_overlaps`` (Rezatofighi et al., CVPR 2019, for the
    enclosing box).
    """

    name = 'area'
    names = ('i', 'u', 'e')
    from_prediction = frozenset({'i', 'u', 'e'})
    from_target = frozenset({'i', 'u', 'e'})
    spread = 0.2
    regression = True

    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        if pred.dim() != 2 or pred.shape[1] != 4 or pred.shape != target.shape:
            raise _not_boxes(f'prediction {tuple(pred.shape)} and target {tuple(target.shape)}')
        if weight is None:
            rows = Rows(pred, target, None, torch.arange(len(pred), device=pred.device))
        else:
            per_box = weight.mean(dim=1) if weight.dim() == 2 else weight
            index = (per_box != 0).nonzero().squeeze(1)
            rows = Rows(pred[index], target[index], per_box[index].view(-1, 1, 1, 1), index)
        inverted = (rows.target[:, 2:] < rows.target[:, :2]).any(dim=1)
        if inverted.any():  # box deltas have the shape of boxes, but not their order
            raise _not_boxes(f'the target {rows.target[inverted][0].tolist()}')
        return rows

    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        target = target.to(pred.dtype)
        intersection = _area_between(
            torch.maximum(pred[:, :2], target[:, :2]), torch.minimum(pred[:, 2:], target[:, 2:])
        )
        enclosure = _area_between(torch.minimum(pred[:, :2], target[:, :2]), torch.maximum(pred[:, 2:], target[:, 2:]))
        predicted, wanted = _box_area(pred), _box_area(target)
        union = (predicted + wanted - intersection).clamp(min=AREA_EPS)
        scale = wanted.clamp(min=AREA_EPS)
        areas = {'i': intersection, 'u': union, 'e': enclosure.clamp(min=AREA_EPS)}
        return {name: (area / scale).view(-1, 1, 1, 1) for name, area in areas.items()}

    def unit(self, pred: Tensor, target: Tensor) -> Tensor:
        sides = (target[:, 2:] - target[:, :2]).clamp(min=1)
        return torch.cat([sides, sides], dim=1)

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Boxes about the given ones; their corners stay in order."""
        moved = super().scatter(values, unit, generator)
        first, second = moved[:, :2], moved[:, 2:]
        return torch.cat([torch.minimum(first, second), torch.maximum(first, second)], dim=1)


def _not_boxes(got: str) -> SetupError:
    return SetupError(
        f'Inputs "area" need decoded boxes (M, 4) as x1, y1, x2, y2, but got {got}. '
        'Set reg_decoded_bbox=True in this head.'
    )


def _area_between(corner: Tensor, opposite: Tensor) -> Tensor:
    return (opposite - corner).clamp(min=0).prod(dim=1)


def _box_area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _as_nchw(rows: Tensor) -> Tensor:
    return rows[:, :, None, None]


def _counts(weight: Tensor) -> Tensor:
    """Which rows have any weight; weights are (M,) or (M, C)."""
    return weight != 0 if weight.dim() == 1 else (weight != 0).any(dim=1)


def _element_weight(weight: Tensor) -> Tensor:
    return _as_nchw(weight[:, None] if weight.dim() == 1 else weight)


def _binary(target: Tensor, pred: Tensor) -> Tensor:
    """Labels (M,) as targets (M, C), where the label C, background, is a row of zeros."""
    if target.dim() == pred.dim():
        return target
    classes = torch.arange(pred.shape[1], device=pred.device)
    return (target[:, None] == classes).to(pred.dtype)


def _check_rows(name: str, pred: Tensor, target: Tensor, fits: bool, wanted: str) -> None:
    if pred.dim() != 2 or len(pred) != len(target) or not fits:
        raise SetupError(
            f'Inputs "{name}" need predictions {wanted}, but got prediction {tuple(pred.shape)} '
            f'and target {tuple(target.shape)}. '
            f'Choose other inputs for this loss: {", ".join(INPUT_KINDS)}.'
        )


INPUT_KINDS: dict[str, InputKind] = {kind.name: kind for kind in (Softmax(), Sigmoid(), Delta(), Area())}
"""All kinds by the name that configs use."""


def input_kind(name: str) -> InputKind:
    """The kind of a name.

    Raises:
        SetupError: There is no such kind.
    """
    if name not in INPUT_KINDS:
        raise SetupError(f'Inputs must be one of {", ".join(INPUT_KINDS)}, but got {name!r}.')
    return INPUT_KINDS[name]
