"""Handlers for Ctrl-C and a scheduler's SIGTERM during a search."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

from mmautoloss.search import Stop


@contextlib.contextmanager
def stop_on_signals(stop: Stop) -> Iterator[None]:
    """The first Ctrl-C requests the end; the second Ctrl-C and SIGTERM end the search at once.

    Ending at once loses no settled trial; trials that were running begin again with ``--resume``. Outside the main thread
    no handlers can be set, and nothing changes.

    Args:
        stop: Gets the request.

    Raises:
        KeyboardInterrupt: At the second Ctrl-C and at SIGTERM, within the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: FrameType | None) -> None:
        now = signum == signal.SIGTERM or stop.requested
        stop.request()  # in any case: no new trial begins, even if the exception is caught somewhere
        if now:
            raise KeyboardInterrupt
        # a plain write, since the handler may interrupt a print
        os.write(2, b'stopping: what is running is finished first; Ctrl-C again stops now\n')

    before = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
