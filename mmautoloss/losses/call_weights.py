"""Factors of keypoints, and of the parts of which a call is the sum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from mmautoloss.checks import WrongTypeError
from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs import InputKind

_OF_KEYPOINTS = ('bins', 'keypoint')


class CallWeights(NamedTuple):
    """Factors of keypoints, and of the parts of which a call is the sum; ``SearchedLoss`` says what each means.

    Attributes:
        keypoint_weight: Factor of each keypoint, as of the mask of mmpose's ``KLDiscretLoss``; None if all are 1.
        norm_target_weight: Whether the weights of each person have the mean 1, as of mmpose's ``OKSLoss``.
        motion_weight: Factors of scaled positions and of velocities; None for 1.
    """

    keypoint_weight: Sequence[float] | None = None
    norm_target_weight: bool = False
    motion_weight: Sequence[float] | None = None

    def require_valid(self, kind: InputKind) -> None:
        """Checks the factors.

        Raises:
            SetupError: One is no finite number from 0 on, or the kind of input has no such parts.
        """
        for name, kinds in (
            ('keypoint_weight', _OF_KEYPOINTS),
            ('norm_target_weight', _OF_KEYPOINTS),
            ('motion_weight', ('motion',)),
        ):
            if name in self.changed and kind.name not in kinds:
                allowed = ' or '.join(f'inputs="{allowed}"' for allowed in kinds)
                raise SetupError(f'{name} needs {allowed}, but got inputs={kind.name!r}; leave it out.')
        for name in ('keypoint_weight', 'motion_weight'):
            values = getattr(self, name)
            if values is not None and not isinstance(values, (list, tuple)):
                raise WrongTypeError(f'{name} must be a list of factors, such as [1, 0.5], but got {values!r}.')
            if values is not None and not all(
                isinstance(value, (int, float)) and 0 <= value < math.inf for value in values
            ):
                raise SetupError(f'{name} must be finite and not negative, but got {values!r}.')
        if self.motion_weight is not None and len(self.motion_weight) != 2:
            raise SetupError(f'motion_weight must be two factors, but got {self.motion_weight!r}.')

    @property
    def changed(self) -> dict[str, Any]:
        """The settings that are no defaults."""
        return {key: value for key, value in self._asdict().items() if value != self._field_defaults[key]}

    def applied(self, pred: Tensor | Sequence[Tensor], weight: Tensor | None) -> Tensor | None:
        """The weights of a call with the factors of keypoints.

        Args:
            pred: Predictions (N, K, ...), or one such tensor an axis.
            weight: Weights (N, K), or None if all are 1.

        Raises:
            SetupError: There are not as many factors as keypoints.
        """
        if self.keypoint_weight is None and not self.norm_target_weight:
            return weight
        first = pred if isinstance(pred, Tensor) else pred[0]
        shape = first.shape[:2]
        if first.dim() < 3 or (self.keypoint_weight is not None and shape[1] != len(self.keypoint_weight)):
            raise SetupError(
                f'keypoint_weight and norm_target_weight need predictions (N, K, ...) with one factor for each of K '
                f'keypoints, but got {tuple(first.shape)}.'
            )
        weight = first.new_ones(shape) if weight is None else weight.reshape(shape)
        if self.norm_target_weight:
            weight = weight / weight.mean(dim=1, keepdim=True).clamp(min=1e-8)
        return weight if self.keypoint_weight is None else weight * weight.new_tensor(self.keypoint_weight)

    def total(self, parts: Sequence[Tensor]) -> Tensor:
        """The loss of a call that is the sum of these parts."""
        first, *others = parts
        factors = [1] * len(others) if self.motion_weight is None else self.motion_weight
        # a motion of one frame has no changes
        return sum((factor * part for factor, part in zip(factors, others, strict=False)), first)
