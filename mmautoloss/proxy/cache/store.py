"""Frozen samples in memory, never more than a limit."""

from __future__ import annotations

from collections.abc import Hashable


class SampleStore:
    """Bytes by key, up to a number of bytes in all; what would exceed it is not taken.

    Args:
        limit: Bytes that may be held.

    Attributes:
        size: Bytes that are held.

    Example:
        >>> store = SampleStore(limit=500)
        >>> [store.put(key, bytes(100)) for key in 'abc']
        [True, False, False]
        >>> store.size
        400
    """

    _EACH = 300
    """Bytes of a bytes object, its key and its place in a dict; a little too much rather than too little."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: dict[Hashable, bytes] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> bytes | None:
        """What is held under a key."""
        return self._kept.get(key)

    def put(self, key: Hashable, frozen: bytes) -> bool:
        """Takes something in, if there is room; says whether there was."""
        size = len(frozen) + self._EACH
        if self.size + size > self.limit:
            return False
        if key not in self._kept:
            self._kept[key] = frozen
            self.size += size
        return True

    @classmethod
    def size_of(cls, frozen: bytes) -> int:
        """Bytes that something takes."""
        return len(frozen) + cls._EACH
