"""What Ctrl-C and a scheduler's SIGTERM mean to a search."""

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
    """Ctrl-C once asks for the end, twice ends at once; SIGTERM ends at once.

    Ending at once loses nothing that is settled: what was running begins again at ``--resume``. Outside the main thread
    signals are not ours, and nothing changes.

    Args:
        stop: Where the end is asked for.

    Raises:
        KeyboardInterrupt: At the second Ctrl-C and at SIGTERM, within the block.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: FrameType | None) -> None:
        now = signum == signal.SIGTERM or stop.requested
        stop.request()  # in any case: where the exception is swallowed, nothing new begins
        if now:
            raise KeyboardInterrupt
        # a plain write: the handler may run in the midst of a print
        os.write(2, b'stopping: what is running is finished first; Ctrl-C again stops now\n')

    before = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
