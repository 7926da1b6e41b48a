"""Buffers for the rows of one expression, shared by all samples of a thread."""

from __future__ import annotations

import threading

import numpy as np

_BUFFERS = threading.local()


def take(rows: int, elements: int) -> tuple[np.ndarray, np.ndarray]:
    """Uninitialised buffers for values and gradients, each (rows, elements) of float32.

    All calls in a thread share them, so their content is valid only for the present expression. They grow with the largest
    expression and are never freed.
    """
    buffers = getattr(_BUFFERS, 'pair', None)
    if buffers is None or buffers[0].size < rows * elements:
        buffers = _BUFFERS.pair = tuple(np.empty(rows * elements, np.float32) for _ in range(2))
    values, grads = (buffer[: rows * elements].reshape(rows, elements) for buffer in buffers)
    return values, grads
