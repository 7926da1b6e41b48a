"""Room for the rows of one expression, shared by all samples of a thread."""

from __future__ import annotations

import threading

import numpy as np

_ROOMS = threading.local()


def take(rows: int, elements: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and gradients, each (rows, elements) of float32, with whatever the last one left in them.

    They are those of the last call of this thread: nothing in them outlives the work on one expression. They grow with the
    largest expression and are never given back.
    """
    rooms = getattr(_ROOMS, 'pair', None)
    if rooms is None or rooms[0].size < rows * elements:
        rooms = _ROOMS.pair = tuple(np.empty(rows * elements, np.float32) for _ in range(2))
    values, slopes = (room[: rows * elements].reshape(rows, elements) for room in rooms)
    return values, slopes
