"""Signs of life of a running search, in its journal."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Heartbeat:
    """Calls a function every few seconds from a thread of its own, also while the search itself is busy.

    Args:
        beat: What is called.
        seconds: How often.
    """

    def __init__(self, beat: Callable[[], None], seconds: float) -> None:
        self._beat = beat
        self._seconds = seconds
        self._over = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._live, name='heart', daemon=True)

    def start(self) -> None:
        """Begins to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Beats no more."""
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raises what a beat has raised, such as that the journal cannot be written."""
        if self._error is not None:
            raise self._error

    def _live(self) -> None:
        while not self._over.wait(self._seconds):
            try:
                self._beat()
            except Exception as error:  # told by check() where it can be dealt with
                self._error = error
                return
