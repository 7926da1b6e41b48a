"""How the drawing of expressions goes, for whoever watches it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class DrawProgress:
    """Written by the planner, read from any thread.

    Attributes:
        drawn: Expressions drawn for the trial that is being bred; 0 while none is.
        total: Expressions drawn in this session.
        seconds: Time spent on that.
        since: When the breeding of the present trial began, on the monotonic clock.
    """

    def __init__(self) -> None:
        self.drawn = 0
        self.total = 0
        self.seconds = 0.0
        self.since = 0.0

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """A trial is being bred."""
        self.since = time.monotonic()
        try:
            yield
        finally:
            self.drawn = 0
            self.seconds += time.monotonic() - self.since

    def count(self) -> None:
        """Another expression is drawn."""
        self.drawn += 1
        self.total += 1

    @property
    def per_minute(self) -> float | None:
        """Expressions a minute of drawing; None before any."""
        seconds = self.seconds + (time.monotonic() - self.since if self.drawn else 0.0)
        return 60 * self.total / seconds if self.total and seconds > 0 else None
