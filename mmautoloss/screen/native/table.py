"""Room for the rows of one expression, shared by all fields of a screen."""

from __future__ import annotations

import numpy as np


class Table:
    """Two tables of float32, for values and for their gradients; they grow and are never given back.

    Nothing in them outlives the work on one expression.
    """

    def __init__(self) -> None:
        self._rooms = [np.empty(0, np.float32), np.empty(0, np.float32)]

    def take(self, rows: int, elements: int) -> tuple[np.ndarray, np.ndarray]:
        """Values and gradients, each (rows, elements), with whatever the last one left in them."""
        if rows * elements > self._rooms[0].size:
            self._rooms = [np.empty(rows * elements, np.float32) for _ in range(2)]
        values, slopes = (room[: rows * elements].reshape(rows, elements) for room in self._rooms)
        return values, slopes
