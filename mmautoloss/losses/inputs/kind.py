"""What all kinds of input share: the rows of a call that count, and how they become named tensors."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from mmautoloss.errors import SetupError


class Rows(NamedTuple):
    """The rows of a call that count; for maps, the images.

    Attributes:
        pred: Raw predictions (M, ...), before the activation.
        target: Targets of the same rows (M, ...), in the form that ``InputKind.tensors`` takes.
        weight: Weight of every element, broadcastable to (M, C, H, W), or None where all are 1.
        chosen: Positions (M,) of the rows in the call, or None where they are all.
        valid: Which elements count, broadcastable to (M, C, H, W), or None where all do. What the others are, NaN
            included, changes nothing.
        labelled: Which positions of the call have a label, whatever their weight: a mask of them, their number, or
            another divisor in its place; None for those that count.
        channel_weight: Another weight, of channels, (1, C, 1, 1), or None.
    """

    pred: Tensor
    target: Tensor
    weight: Tensor | None
    chosen: Tensor | None = None
    valid: Tensor | None = None
    labelled: Tensor | int | None = None
    channel_weight: Tensor | None = None

    @property
    def index(self) -> Tensor:
        """Positions (M,) of the rows in the call."""
        return torch.arange(len(self.pred), device=self.pred.device) if self.chosen is None else self.chosen

    @property
    def positions(self) -> Tensor | int:
        """Number of positions (m, h, w) with a label, the divisor of the published mean."""
        if self.labelled is not None:
            masked = isinstance(self.labelled, Tensor) and self.labelled.dtype == torch.bool
            return self.labelled.sum() if masked else self.labelled
        if self.valid is None:
            return len(self.pred) * (self.pred[0, 0].numel() if self.pred.dim() == 4 and len(self.pred) else 1)
        height_width = self.pred.shape[-2:]
        return self.valid.any(dim=1).expand(-1, *height_width).sum()


class InputKind(ABC):
    """What a graph reads in one kind of branch; stateless.

    Attributes:
        name: Name in configs.
        names: Inputs that a graph may read.
        meanings: What each of them is, in words that need no other.
        from_prediction: Those that depend on the prediction.
        from_target: Those that depend on the target; a loss must read one of them.
        spread: Size, in natural units of the raw prediction, of the scatter over which losses are tried and compared.
        regression: Whether targets are values like the predictions, and so can be scattered as well.
        weighted: Whether the third argument of a call is a weight.
        maps: Whether a call may hold a map for each image of the batch.
        one_hot: Whether ``p`` are probabilities of exclusive classes and ``y`` is one-hot.
        metric: Name of the metric that judges predictions in the rejection test (``screen.PROBE_METRICS``).
        use_sigmoid: What heads read that size their output by it.
        elementwise: Whether a call without reduction gives a value an element, as hand-made losses of such inputs do;
            else one a row or pixel.
        activation: For the compiled screen, what makes ``p``, the first input and the only one of the prediction, of the
            raw prediction: ``'identity'``, ``'sigmoid'`` or ``'softmax'``; '' for another way, where expressions are judged
            by the plain screen. With the last two, ``log(p)`` and ``log(1 - p)`` are computed from the raw prediction.
    """

    name: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ('p', 'y')
    meanings: ClassVar[Mapping[str, str]]
    from_prediction: ClassVar[frozenset[str]] = frozenset({'p'})
    from_target: ClassVar[frozenset[str]] = frozenset({'y'})
    spread: ClassVar[float] = 2.0
    regression: ClassVar[bool] = False
    weighted: ClassVar[bool] = True
    maps: ClassVar[bool] = False
    one_hot: ClassVar[bool] = False
    metric: ClassVar[str]
    use_sigmoid: ClassVar[bool] = False
    elementwise: ClassVar[bool] = False
    activation: ClassVar[str] = ''

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Least and largest value of the inputs of which that is known, by name."""
        if self.activation == 'area':
            return dict.fromkeys(self.names, (0.0, math.inf))
        return {self.names[0]: (0.0, 1.0)} if self.activation in ('sigmoid', 'softmax') else {}

    @abstractmethod
    def rows(self, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None) -> Rows:
        """Chooses the rows of a call that have a weight and a valid target."""

    @abstractmethod
    def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The named inputs (M, C, H, W) of chosen rows, (M, C, 1, 1) without a map; the activation is applied here."""

    def marked(self, rows: Rows) -> Tensor:
        """The targets of rows, with -1 where nothing counts; labels in a type that has a -1."""
        target = rows.target if rows.target.is_floating_point() else rows.target.long()
        if rows.valid is None:
            return target
        valid = valid_of_prediction(rows.valid, rows.pred)
        return target.where(valid if target.dim() == valid.dim() else valid[:, 0], -1)

    def leaves(self, pred: Tensor, target: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """At least those of the named inputs that are asked for.

        With ``one_hot``, also ``label`` (M, 1, H, W), the index of the channel, and ``p_label``, ``p`` in that channel.
        """
        return self.tensors(pred, target)

    def pull_back(
        self, pred: Tensor, target: Tensor, tensors: Mapping[str, Tensor], gradients: Mapping[str, Tensor]
    ) -> Tensor:
        """The gradient of the raw prediction; here by autograd, in children written out, which is faster.

        Args:
            pred: Raw predictions (M, ...).
            target: Targets (M, ...).
            tensors: The inputs, as ``leaves`` gives them.
            gradients: Gradients of those that depend on the prediction, broadcastable to them; at least one.
        """
        with torch.enable_grad():
            raw = pred.detach().requires_grad_()
            found = self.leaves(raw, target, tuple(gradients))
            wanted = [full_gradient(gradient, found[name]) for name, gradient in gradients.items()]
            return torch.autograd.grad([found[name] for name in gradients], raw, wanted)[0]

    def unit(self, pred: Tensor, target: Tensor) -> Tensor:
        """One natural step of the raw prediction, broadcastable to it: 1, for boxes a side."""
        return pred.new_ones(())

    def scatter(self, values: Tensor, unit: Tensor, generator: torch.Generator) -> Tensor:
        """Random predictions, or targets of a regression, about the given ones."""
        return values + torch.randn(values.shape, generator=generator) * self.spread * unit

    def shrink(
        self, pred: Tensor, target: Tensor, weight: Tensor | None, side: int
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """A call that is cheaper to try losses on: of maps every k-th pixel, at most about ``side`` a side."""
        if pred.dim() != 4:
            return pred, target, weight
        step = max(1, round(max(pred.shape[-2:]) / side))
        maps = [None if t is None or t.dim() < 3 else t[..., ::step, ::step] for t in (pred, target, weight)]
        return maps[0], maps[1], weight if maps[2] is None else maps[2]


def as_nchw(rows: Tensor) -> Tensor:
    """Rows (M, C) as (M, C, 1, 1); maps as they are."""
    return rows if rows.dim() == 4 else rows.view(*rows.shape, 1, 1)


def valid_of_prediction(valid: Tensor, pred: Tensor) -> Tensor:
    """Which elements of a raw prediction (M, C) or (N, C, H, W) count, broadcastable to it."""
    return valid.reshape(valid.shape[: pred.dim()])


def full_gradient(gradient: Tensor, tensor: Tensor) -> Tensor:
    """The gradient of a tensor, of its shape."""
    return gradient if gradient.shape == tensor.shape else gradient.expand(tensor.shape)


_FEW = 1024
"""Rows of which it is likely that all have a weight, as those of a head of RoIs have."""
_BYTES = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def row_counts(weight: Tensor) -> Tensor:
    """Which rows have any weight; weights are (M,) or (M, C)."""
    counts = weight != 0
    if weight.dim() == 1:
        return counts
    if weight.shape[1] in _BYTES and counts.is_contiguous():  # a row of booleans as one number: half the time
        return counts.view(_BYTES[weight.shape[1]])[:, 0] != 0
    return counts.any(dim=1)


def element_weight(weight: Tensor) -> Tensor:
    """Weights (M,) or (M, C) as (M, 1 or C, 1, 1)."""
    return weight[:, None, None, None] if weight.dim() == 1 else weight[:, :, None, None]


def choose_rows(pred: Tensor, target: Tensor, weight: Tensor | None, keep: Tensor | None = None) -> Rows:
    """The rows that have a weight.

    Args:
        pred: Rows (M, C).
        target: Targets, one a row.
        weight: Weights (M,) or (M, C), or None.
        keep: Which rows have a label that counts, (M,), or None where all do.
    """
    few = weight is not None and weight.shape[0] <= _FEW
    labelled = len(pred) if keep is None else keep
    if weight is not None and few and bool(weight.all()):  # the usual call of a head of RoIs: nothing to copy
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


def _weight_of(weight: Tensor | None) -> Tensor | None:
    return None if weight is None else element_weight(weight)


def _valid_of(weight: Tensor | None) -> Tensor | None:
    """Which elements of rows that count have a weight; None where all do, as in rows with one weight."""
    if weight is None or weight.dim() == 1 or bool(weight.all()):
        return None
    return element_weight(weight != 0)


def choose_images(
    pred: Tensor, target: Tensor, weight: Tensor | None, valid: Tensor, labelled: Tensor | int | None = None
) -> Rows:
    """The images in which anything counts.

    Args:
        pred: Maps (N, C, H, W).
        target: Targets, one an image.
        weight: Weights broadcastable to the prediction, or None.
        valid: What counts, broadcastable to the prediction.
        labelled: See ``Rows``.
    """
    if bool(valid.all()):
        return Rows(pred, target, weight, labelled=labelled)
    index = valid.flatten(1).any(dim=1).nonzero().squeeze(1)
    if len(index) < len(pred):
        pred, target, valid = pred[index], target[index], valid[index]
        weight = None if weight is None else weight[index]
    return Rows(pred, target, weight, index, valid, labelled)


def wrong_shapes(name: str, wanted: str, pred: Tensor, target: Tensor) -> SetupError:
    """The error of a call that is of another kind."""
    return SetupError(
        f'Inputs "{name}" need predictions {wanted}, but got prediction {tuple(pred.shape)} and target '
        f'{tuple(target.shape)}. Choose other inputs for this loss; `python -m mmautoloss branches CONFIG` lists what '
        'fits.'
    )
