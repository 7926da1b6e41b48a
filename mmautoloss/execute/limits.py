"""Limits beyond which a worker counts as dead, hung or too slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmautoloss.checks import require_number, require_whole
from mmautoloss.errors import SetupError


@dataclass(frozen=True)
class Limits:
    """Time limits of trials and workers.

    Attributes:
        time_factor: Time limit of a trial, as a multiple of the slowest training of the hand-made losses; 0 for no limit.
        time_floor: Least time limit of a trial, in seconds.
        stall: Seconds without a new iteration or phase after which a worker counts as hung.
        silence: Seconds without any message after which a worker counts as hung.
        retries: Number of times that a trial is repeated because its worker died or hung.

    Raises:
        SetupError: A number is out of range.
    """

    time_factor: float = 5.0
    time_floor: float = 60.0
    stall: float = 1800.0
    silence: float = 120.0
    retries: int = 1

    def __post_init__(self) -> None:
        for name in Limits.__dataclass_fields__:
            value = getattr(self, name)
            (require_whole if name == 'retries' else require_number)(f'execute.{name}', value, None)
            if value < 0 or (value == 0 and name in ('stall', 'silence')):
                raise SetupError(f'execute.{name} must be positive, but got {value}.')

    def of_trial(self, baseline: Sequence[float]) -> float | None:
        """Time limit of a trial in seconds; None if no baseline is known yet, or for no limit.

        Args:
            baseline: Seconds of training and validation of each run of the hand-made losses.
        """
        if not baseline or not self.time_factor:
            return None
        return max(self.time_floor, self.time_factor * max(baseline))
