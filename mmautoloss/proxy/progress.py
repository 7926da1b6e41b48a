"""The progress of an evaluator, and its time limit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from mmautoloss.errors import TimeLimitExceeded

SUSPENDED = 10.0
"""Seconds without a tick after which a process must have been suspended."""


class Progress:
    """Progress of the current trial: written by the evaluator, read from any thread.

    Attributes:
        phase: ``idle``, ``build``, ``train``, ``rung``, ``validate`` or ``prove``.
        step: Iterations done in the phase.
        stages: Seconds in each phase of the latest trial; the time of a nested phase is not counted for the outer one.
        changed: Called when a phase begins.
    """

    def __init__(self) -> None:
        self.phase = 'idle'
        self.step = 0
        self.stages: dict[str, float] = {}
        self.changed: Callable[[], None] = lambda: None
        self._within = 0.0  # seconds of phases nested in the current one
        self._ticked = time.monotonic()
        self._limit: float | None = None
        self._deadline: float | None = None

    def begin(self, limit: float | None = None) -> None:
        """Begins a trial; ``limit`` is the time in seconds that it may take once its model is built."""
        self.stages = {}
        self._limit, self._deadline = limit, None

    @contextlib.contextmanager
    def stage(self, phase: str) -> Iterator[None]:
        """Times a phase; the limit counts from the first one that is not ``build``."""
        began = time.monotonic()
        if phase != 'build' and self._limit is not None and self._deadline is None:
            self._deadline = began + self._limit
        outer = self.phase, self.step, self._within
        self.phase, self.step, self._within = phase, 0, 0.0
        self.changed()
        try:
            yield
        finally:
            seconds = time.monotonic() - began
            self.stages[phase] = self.stages.get(phase, 0.0) + seconds - self._within
            self.phase, self.step, self._within = outer
            self._within += seconds

    def tick(self) -> None:
        """Called about once a second by another thread; a longer gap means that the whole process was suspended.

        The time of a suspension, such as by Ctrl-Z or a job scheduler, does not count against the limit.
        """
        now = time.monotonic()
        gap = now - self._ticked
        self._ticked = now
        if self._deadline is not None and gap > SUSPENDED:
            self._deadline += gap

    def advance(self) -> None:
        """Counts an iteration.

        Raises:
            TimeLimitExceeded: The trial has exceeded its time limit.
        """
        self.step += 1
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise TimeLimitExceeded(
                f'{self.phase} was at iteration {self.step} when the {self._limit:.0f} s of a trial were over'
            )
