"""Which elements of a call count, and with which weight: the settings of a loss besides its formula."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs import InputKind, Rows
from mmautoloss.losses.inputs.devices import is_queued
from mmautoloss.losses.inputs.rows import as_nchw

AVERAGES = ('positions', 'class_weight', 'weights', 'sum')


class Weighting(NamedTuple):
    """Settings of a loss besides its formula; ``SearchedLoss`` says what each means.

    Attributes:
        ignore_index: Label that does not count, if the call names none.
        class_weight: Factor of each channel, or None if all are 1.
        pos_weight: Factor of each channel where ``y`` is 1, or None if all are 1.
        average: One of ``AVERAGES``: the divisor of the sum if the head passes no normaliser.
        use_target_weight: Whether the weights of a call count.
    """

    ignore_index: int | None = None
    class_weight: Sequence[float] | None = None
    pos_weight: Sequence[float] | None = None
    average: str = 'positions'
    use_target_weight: bool = True

    def require_valid(self, kind: InputKind) -> None:
        """Checks the settings.

        Raises:
            SetupError: A setting has no meaning, or none with this kind of input.
        """
        if not isinstance(self.ignore_index, (int, type(None))):
            raise SetupError(f'ignore_index must be a label or None, but got {self.ignore_index!r}.')
        for name in ('class_weight', 'pos_weight'):
            _check_factors(name, getattr(self, name))
        if self.pos_weight is not None and kind.activation != 'sigmoid':
            raise SetupError(f'pos_weight needs inputs="sigmoid", but got inputs={kind.name!r}; use class_weight.')
        if self.average not in AVERAGES:
            raise SetupError(f'average must be one of {", ".join(AVERAGES)}, but got {self.average!r}.')
        if self.average == 'class_weight' and not kind.one_hot:
            raise SetupError(
                f'average="class_weight" needs inputs="softmax", but got inputs={kind.name!r}; leave it out.'
            )
        if self.average == 'class_weight' and self.class_weight is None:
            raise SetupError('average="class_weight" needs class_weight, but got None.')

    def weights(self, kind: InputKind, weight: Tensor | None) -> Tensor | None:
        """The third argument of a call as far as it counts, before masks of pixels and factors of axes enter it."""
        return weight if self.use_target_weight or not kind.weighted else None

    def rows(
        self, kind: InputKind, pred: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int | None
    ) -> Rows:
        """The rows of a call that count, with their weights (``weights``); arguments as of ``InputKind.rows``."""
        rows = kind.rows(pred, target, weight, self.ignore_index if ignore_index is None else ignore_index)
        if self.pos_weight is not None:
            rows = _weigh_positives(rows, _factors('pos_weight', self.pos_weight, kind, rows.pred))
        if self.average == 'sum':
            rows = rows._replace(labelled=1)
        if self.average == 'weights' and rows.weight is not None:
            rows = rows._replace(labelled=_sum_of_weights(rows))
        if self.class_weight is None:
            return rows
        factors = _factors('class_weight', self.class_weight, kind, rows.pred)
        if self.average == 'class_weight':
            rows = rows._replace(labelled=_sum_of_labels(target, rows.labelled, factors))
        return rows._replace(channel_weight=factors)


def _sum_of_weights(rows: Rows) -> Tensor:
    """The sum of the weights of positions, for elements of their means, plus a small constant, since all may be 0."""
    weight = rows.weight if rows.weight is not None else rows.pred.new_zeros(1, 1)
    return (
        weight.to(torch.promote_types(weight.dtype, torch.float32)).mean(dim=1).sum() + torch.finfo(torch.float32).eps
    )


def _weigh_positives(rows: Rows, factors: Tensor) -> Rows:
    """Weights that grow from 1 to the factors as targets grow from 0 to 1."""
    y = rows.target[:, : factors.numel()]  # of qualities, without the last column
    weight = 1 + (factors - 1) * as_nchw(y).to(factors).clamp(min=0)
    return rows._replace(weight=weight if rows.weight is None else weight * rows.weight)


def _sum_of_labels(target: Tensor, labelled: Tensor | int | None, factors: Tensor) -> Tensor:
    """The sum of the factors of all labels plus a small constant, as in mmseg, since all may be 0."""
    if target.dim() == 2 and target.shape[1] == factors.numel() and not isinstance(labelled, Tensor):
        # a share that is not finite shows in the values, unless its row has no weight
        return (target.nan_to_num(0, 0, 0) * factors.flatten()).sum() + torch.finfo(torch.float32).eps
    if isinstance(labelled, Tensor) and is_queued(labelled):  # a choice of labels would wait for the device
        labels = torch.where(labelled, target.reshape(labelled.shape), 0).long()
        return (factors.flatten()[labels] * labelled).sum() + torch.finfo(torch.float32).eps
    labels = target.reshape(labelled.shape)[labelled] if isinstance(labelled, Tensor) else target
    return factors.flatten()[labels.long()].sum() + torch.finfo(torch.float32).eps


def _factors(name: str, values: Sequence[float], kind: InputKind, pred: Tensor) -> Tensor:
    """Factors of channels, (1, C, 1, 1)."""
    channels = kind.channels(pred)
    if len(values) != channels:
        raise SetupError(f'{name} needs one factor for each of {channels} channels, but got {len(values)}.')
    precision = torch.float64 if pred.dtype == torch.float64 else torch.float32
    return torch.tensor(values, dtype=precision, device=pred.device).view(1, -1, 1, 1)


def _check_factors(name: str, values: Sequence[float] | None) -> None:
    if values is not None and not all(isinstance(value, Real) and 0 <= value < math.inf for value in values):
        raise SetupError(f'{name} must be finite and not negative, but got {tuple(values)}.')
