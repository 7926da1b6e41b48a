"""Progress of the drawing of expressions, for display."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class DrawProgress:
    """Counters that the planner writes and any thread may read.

    Attributes:
        drawn: Expressions drawn for the trial that is being bred; 0 between trials.
        total: Expressions drawn in this session.
        seconds: Time spent on drawing them.
        since: Start of the breeding of the present trial, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.drawn = 0
        self.total = 0
        self.seconds = 0.0
        self.since = 0.0

    @contextlib.contextmanager
    def breeding(self) -> Iterator[None]:
        """Context in which a trial is bred."""
        self.since = time.monotonic()
        try:
            yield
        finally:
            self.drawn = 0
            self.seconds += time.monotonic() - self.since

    def count(self) -> None:
        """Counts a drawn expression."""
        self.drawn += 1
        self.total += 1

    @property
    def per_minute(self) -> float | None:
        """Expressions per minute of drawing; None before the first one."""
        seconds = self.seconds + (time.monotonic() - self.since if self.drawn else 0.0)
        return 60 * self.total / seconds if self.total and seconds > 0 else None
