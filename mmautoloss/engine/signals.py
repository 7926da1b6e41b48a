"""What Ctrl-C and a scheduler's SIGTERM mean to a search."""

from __future__ import annotations

import contextlib
import signal
import sys
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
        if signum == signal.SIGTERM or stop.requested:
            raise KeyboardInterrupt
        stop.request()
        # not to stdout, which is turned off while a trial runs in this process
        print('stopping: what is running is finished first; Ctrl-C again stops now', file=sys.stderr, flush=True)

    before = {signum: signal.signal(signum, interrupt) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
