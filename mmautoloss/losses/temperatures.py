"""Factors that sharpen distributions over bins before a loss compares them."""

from __future__ import annotations

import math
from numbers import Real
from typing import NamedTuple

from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs import InputKind


class Temperatures(NamedTuple):
    """Factors of mmpose's ``KLDiscretLoss``.

    Attributes:
        beta: Factor of the logits.
        label_beta: Factor of targets that become distributions by a softmax, as in RTMPose; None if they are distributions.
    """

    beta: float = 1.0
    label_beta: float | None = None

    def require_valid(self, kind: InputKind) -> None:
        """Checks the factors.

        Raises:
            SetupError: One is not positive, or the kind of input has no bins.
        """
        for name, value in self.changed.items():
            if not (isinstance(value, Real) and 0 < value < math.inf):
                raise SetupError(f'{name} must be a positive number, but got {value!r}.')
            if kind.name != 'bins':
                raise SetupError(f'{name} needs inputs="bins", but got inputs={kind.name!r}; leave it out.')

    @property
    def changed(self) -> dict[str, float]:
        """The factors that are no defaults."""
        return {key: value for key, value in self._asdict().items() if value != self._field_defaults[key]}

    def applied(self, pred: Tensor, target: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
        """A call of single tensors with these factors."""
        pred = pred if self.beta == 1 else self.beta * pred
        target = target if self.label_beta is None else (self.label_beta * target).softmax(dim=-1)
        return pred, target, weight
