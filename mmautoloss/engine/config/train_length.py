"""The length of a training, and the step at which a share of it is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from mmautoloss.checks import require_number
from mmautoloss.errors import SetupError


class TrainLength(NamedTuple):
    """The length of a training.

    Attributes:
        steps: Number of epochs or iterations.
        by_epoch: Whether the steps are epochs.
    """

    steps: int
    by_epoch: bool

    @property
    def key(self) -> str:
        """The key of ``train_cfg`` that says it."""
        return 'max_epochs' if self.by_epoch else 'max_iters'

    def step(self, at: float) -> int:
        """The number of steps before a share of the training is over, to the nearest step.

        Args:
            at: The share, between 0 and 1.

        Raises:
            SetupError: No step lies before it, or none after it.
        """
        require_share(at)
        step = round(at * self.steps)
        if not 0 < step < self.steps:
            unit = 'epochs' if self.by_epoch else 'iterations'
            raise SetupError(
                f'at={at} of {self.steps} {unit} must leave some before it and some after it, but is at {step}: '
                'choose another share or a longer training.'
            )
        return step


def require_share(at: Any, name: str = 'at') -> None:
    """Checks that a value is a share of a training.

    Raises:
        SetupError: It is no number between 0 and 1.
    """
    require_number(name, at, least=None)
    if not 0 < at < 1:
        raise SetupError(f'{name} must be a share of the training, between 0 and 1, such as 0.9, but got {at}.')


def read_length(train_cfg: Mapping[str, Any] | None) -> TrainLength:
    """The length of the training that a config describes.

    Args:
        train_cfg: ``train_cfg`` of a plain config.

    Raises:
        SetupError: It does not say.
    """
    for key, by_epoch in (('max_iters', False), ('max_epochs', True)):
        steps = (train_cfg or {}).get(key)
        if isinstance(steps, int) and steps > 0:
            return TrainLength(steps, by_epoch)
    raise SetupError(f'train_cfg must have a positive max_iters or max_epochs, but got {train_cfg!r}.')
