"""The rows of a call that count; for maps, the images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.losses.inputs.devices import is_queued


class Rows(NamedTuple):
    """The rows of a call that count; for maps, the images.

    Attributes:
        pred: Raw predictions (M, ...), before the activation.
        target: Targets of the same rows (M, ...), in the form that ``InputKind.tensors`` takes.
        weight: Weight of every element, broadcastable to (M, C, H, W), or None if all are 1.
        chosen: Positions (M,) of the rows in the call, or None if all were chosen.
        valid: Which elements count, broadcastable to (M, C, H, W), or None if all do. The values of the others,
            NaN included, have no effect.
        labelled: Positions of the call that have a label, whatever their weight: a mask of them, their number, or
            another divisor in its place; None for those that count.
        channel_weight: Another weight, per channel, (1, C, 1, 1), or None.
    """

    pred: Tensor
    target: Tensor
    weight: Tensor | None
    chosen: Tensor | None = None
    valid: Tensor | None = None
    labelled: Tensor | int | None = None
    channel_weight: Tensor | None = None

    @property
    def index(self) -> Tensor:  # type: ignore[override]  # hides a method of tuples that is not used
        """Positions (M,) of the rows in the call."""
        return torch.arange(len(self.pred), device=self.pred.device) if self.chosen is None else self.chosen

    @property
    def positions(self) -> Tensor | int:
        """Number of positions (m, h, w) with a label, the divisor of the published mean."""
        labelled = self.labelled
        if labelled is not None:
            if not isinstance(labelled, Tensor) or labelled.dtype != torch.bool:
                return labelled
            # where images without any are not left out, the sum of their values is 0
            return labelled.sum().clamp(min=1) if is_queued(labelled) else labelled.sum()
        if self.valid is None:
            return len(self.pred) * (self.pred[0, 0].numel() if self.pred.dim() == 4 and len(self.pred) else 1)
        height_width = self.pred.shape[-2:]
        return self.valid.any(dim=1).expand(-1, *height_width).sum()


def as_nchw(rows: Tensor) -> Tensor:
    """Rows (M, C) as (M, C, 1, 1); maps as they are."""
    return rows if rows.dim() == 4 else rows.view(*rows.shape, 1, 1)


def values_as_rows(pred: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Points (N, K, D) or maps (N, D, H, W), with targets of that shape, as rows (N * K or N * H * W, D).

    Args:
        pred: The prediction; of another shape the call stays as it is.
        target: Its target.
        weight: Weights of all values, of the points or pixels with one channel, or of the points (N, K); or None.
    """
    if pred.dim() not in (3, 4) or pred.shape != target.shape:
        return pred, target, weight
    if weight is not None:
        weight = _as_rows(weight) if weight.dim() == pred.dim() else weight.flatten()
    return _as_rows(pred), _as_rows(target), weight


def rows_as_values(rows: Tensor, pred: Tensor) -> Tensor:
    """Values of rows in the shape of the prediction of which ``values_as_rows`` made the rows."""
    if pred.dim() in (3, 5):
        return rows.view(pred.shape)
    return rows.view(len(pred), *pred.shape[2:], pred.shape[1]).movedim(-1, 1)


def _as_rows(tensor: Tensor) -> Tensor:
    return (tensor.movedim(1, -1) if tensor.dim() == 4 else tensor).flatten(0, -2)


def valid_of_prediction(valid: Tensor, pred: Tensor) -> Tensor:
    """Which elements of a raw prediction (M, C) or (N, C, H, W) count, broadcastable to it."""
    return valid.reshape(valid.shape[: pred.dim()])


_FEW_ROWS = 1024
"""Most rows of a call in which it is likely that all have a weight, as in RoI heads."""
_BYTES = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def row_counts(weight: Tensor) -> Tensor:
    """Which rows have any weight; weights are (M,) or (M, C)."""
    counts = weight != 0
    if weight.dim() == 1:
        return counts
    if weight.shape[1] in _BYTES and counts.is_contiguous():  # a row of booleans as one integer takes half the time
        return counts.view(_BYTES[weight.shape[1]])[:, 0] != 0
    return counts.any(dim=1)


def element_weight(weight: Tensor) -> Tensor:
    """Weights (M,) or (M, C) as (M, 1 or C, 1, 1)."""
    return weight[:, None, None, None] if weight.dim() == 1 else weight[:, :, None, None]


def choose_rows(pred: Tensor, target: Tensor, weight: Tensor | None, keep: Tensor | None = None) -> Rows:
    """The rows that have a weight.

    Args:
        pred: Rows (M, C).
        target: Targets, one per row.
        weight: Weights (M,) or (M, C), or None.
        keep: Which rows have a label that counts, (M,), or None if all do.
    """
    labelled = len(pred) if keep is None else keep
    if is_queued(pred):
        return _choose_queued(pred, target, weight, keep, labelled)
    few = weight is not None and weight.shape[0] <= _FEW_ROWS
    if weight is not None and few and bool(weight.all()):  # the usual call of a RoI head: nothing to copy
        if keep is None or bool(keep.all()):
            return Rows(pred, target, _weight_of(weight), labelled=labelled)
    elif weight is not None:
        keep = row_counts(weight) if keep is None else keep & row_counts(weight)
    if keep is None or bool(keep.all()):
        return Rows(pred, target, _weight_of(weight), valid=_valid_of(weight), labelled=labelled)
    index = keep.nonzero().squeeze(1)
    weight = None if weight is None else weight.index_select(0, index)
    pred, target = pred.index_select(0, index), target.index_select(0, index)
    return Rows(pred, target, _weight_of(weight), index, _valid_of(weight), labelled)


def _choose_queued(
    pred: Tensor, target: Tensor, weight: Tensor | None, keep: Tensor | None, labelled: Tensor | int
) -> Rows:
    """The same, with at most one wait for the device, for the number of the rows."""
    if weight is not None:
        keep = row_counts(weight) if keep is None else keep & row_counts(weight)
    if keep is None:
        return Rows(pred, target, None, labelled=labelled)
    index = keep.nonzero().squeeze(1)
    if len(index) < len(pred):
        weight = None if weight is None else weight.index_select(0, index)
        pred, target = pred.index_select(0, index), target.index_select(0, index)
    return Rows(pred, target, _weight_of(weight), index, _valid_of(weight), labelled)


def _weight_of(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else element_weight(weight)


def _valid_of(weight: Tensor | None) -> Tensor | None:
    """Which elements of rows that count have a weight; None if all do, as in rows with one weight."""
    if weight is None or weight.dim() == 1 or (not is_queued(weight) and bool(weight.all())):
        return None
    return element_weight(weight != 0)


def choose_images(
    pred: Tensor, target: Tensor, weight: Tensor | None, valid: Tensor, labelled: Tensor | int | None = None
) -> Rows:
    """The images in which anything counts; all of them where operations are queued.

    Args:
        pred: Maps (N, C, H, W).
        target: Targets, one per image.
        weight: Weights broadcastable to the prediction, or None.
        valid: Which elements count, broadcastable to the prediction.
        labelled: See ``Rows``.
    """
    if is_queued(pred):
        return Rows(pred, target, weight, None, valid, labelled)
    if bool(valid.all()):
        return Rows(pred, target, weight, labelled=labelled)
    index = valid.flatten(1).any(dim=1).nonzero().squeeze(1)
    if len(index) < len(pred):
        pred, target, valid = pred[index], target[index], valid[index]
        weight = None if weight is None else weight[index]
    return Rows(pred, target, weight, index, valid, labelled)
