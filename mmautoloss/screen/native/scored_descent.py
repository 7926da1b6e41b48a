"""The descent of an expression on the probe or a part of it, with the gains of the metric."""

from __future__ import annotations

import math

from mmautoloss.screen.native.descent import MOVING, NOT_FINITE
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.native.metrics import metric_on_arrays
from mmautoloss.screen.native.sample_arrays import DescentSettings, SampleArrays
from mmautoloss.screen.probe import Probe, Sample


class ScoredDescent:
    """The arrays of a sample, their metric, and the gains of one descent.

    Args:
        probe: Gives kind of input and metric.
        sample: The initial predictions of the test, or a part of them.
        divisor: See ``SampleArrays``.
        settings: The settings of the descent.

    Attributes:
        images: Number of maps or rows.
    """

    def __init__(self, probe: Probe, sample: Sample, divisor: float, settings: DescentSettings) -> None:
        self.images = len(sample.pred)
        self._arrays = SampleArrays(probe.kind, sample, divisor)
        self._score = metric_on_arrays(probe, sample)
        self._start = self._score(self._arrays.raw)
        self._settings = settings
        self._gains: dict[int, float] = {}
        self._step, self._state = 0, MOVING

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._arrays.size

    @property
    def moved(self) -> bool:
        """Whether the descent has changed the predictions."""
        return self._arrays.moved

    def load(self, program: Lowered) -> None:
        """Loads an expression and resets the descent."""
        self._arrays.load(program)
        self._gains = {}
        self._step, self._state = 0, MOVING

    def gain_at(self, share: float) -> float:
        """Continues to a share of the steps, if it is new, and returns the gain there.

        Returns:
            A share of the largest possible gain; NaN once NaN or Inf has occurred.
        """
        step = max(1, round(share * self._settings.steps))
        if step not in self._gains:
            self._gains[step] = self._gain_after(step)
        return self._gains[step]

    def _gain_after(self, step: int) -> float:
        assert step > self._step, 'a descent does not go back'
        if self._state == MOVING:
            self._state = self._arrays.descend(self._settings, self._step, step)
            self._step = step
        if self._state == NOT_FINITE:
            return math.nan
        return (self._score(self._arrays.raw) - self._start) / max(1 - self._start, 1e-6)
