"""When a worker is taken for dead, hung or too slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmautoloss.checks import require_number, require_whole
from mmautoloss.errors import SetupError


@dataclass(frozen=True)
class Limits:
    """How long to wait for a worker.

    Attributes:
        time_factor: A trial may take this many times as long as the slowest training of the hand-made losses; 0 for no
            limit.
        time_floor: Seconds that a trial may take in any case.
        stall: Seconds after which a worker that does no iteration and changes no phase has hung.
        silence: Seconds after which a worker of which nothing at all is heard has hung.
        retries: How often a trial is measured again because its worker died or hung.

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
        """Seconds that a trial may take; None while no baseline is known, or where there is no limit.

        Args:
            baseline: Seconds that training and validation of the hand-made losses took.
        """
        if not baseline or not self.time_factor:
            return None
        return max(self.time_floor, self.time_factor * max(baseline))
