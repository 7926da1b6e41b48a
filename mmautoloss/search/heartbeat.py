"""Periodic heartbeats of a running search."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Heartbeat:
    """Calls a function at a fixed interval from its own thread, even while the search is busy.

    Args:
        beat: The function.
        seconds: The interval.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._stopped = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='heartbeat', daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops the thread and waits for its end."""
        self._stopped.set()
        self._thread.join()

    def check(self) -> None:
        """Raises the exception of a call, if there was one, such as a failure to write the journal."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self._beat()
            except Exception as error:  # raised by check() in the thread of the search
                self._error = error
                return
