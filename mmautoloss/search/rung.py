"""The rung, an early validation at which poor candidates are stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError


@dataclass(frozen=True)
class Rung:
    """``proxy.rung`` of a search config: a validation during the training at which poor candidates are stopped.

    The rung does not change the training: candidates that pass have the same score, bit for bit. Hand-made losses, known
    losses and finalists are never stopped.

    Attributes:
        at: Position of the rung: below 1 a share of the iterations, otherwise a number of iterations (of a schedule with
            ``max_iters``).
        keep: Share of the earlier candidates that would pass; a candidate below all of these at the rung is stopped, as is
            one without a score there, such as a detector that detects nothing.
        least: Number of candidates that must have a score at the rung before any is stopped.
        watch: Whether to only validate at the rung without stopping, to measure the cost and savings of stopping
            (``python -m mmautoloss rungs WORK_DIR``).

    Raises:
        SetupError: A number is out of range.
    """

    at: float = 0.3
    keep: float = 0.5
    least: int = 10
    watch: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.at < math.inf or (self.at >= 1 and self.at != int(self.at)):
            raise SetupError(
                f'rung.at must be a share of the iterations, such as 0.3, or a number of them, but got {self.at}.'
            )
        if not 0 < self.keep < 1:
            raise SetupError(f'rung.keep must be a share between 0 and 1, but got {self.keep}.')
        if not self.least >= 1:  # nor NaN
            raise SetupError(f'rung.least must be at least 1, but got {self.least}.')
        require_number('rung.at', self.at)
        require_whole('rung.least', self.least)
        require_flag('rung.watch', self.watch)

    def bar(self, earlier: Sequence[float]) -> float | None:
        """The score at the rung below which a candidate is stopped; None where no candidate is stopped.

        Args:
            earlier: Scores at the rung of earlier candidates, lowest first; higher is better.

        Example:
            >>> Rung(keep=0.5, least=4).bar([0.1, 0.2, 0.3, 0.4])
            0.3
        """
        if self.watch or len(earlier) < self.least:
            return None
        return earlier[len(earlier) - math.ceil(self.keep * len(earlier))]
