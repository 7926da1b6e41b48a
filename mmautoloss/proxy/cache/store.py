"""Frozen samples in memory, up to a limit."""

from __future__ import annotations

from collections.abc import Hashable


class SampleStore:
    """Bytes by key, up to a total size; an entry that would exceed it is refused.

    Args:
        limit: Largest total size in bytes.

    Attributes:
        size: Current total size in bytes.

    Example:
        >>> store = SampleStore(limit=500)
        >>> [store.put(key, bytes(100)) for key in 'abc']
        [True, False, False]
        >>> store.size
        400
    """

    _OVERHEAD = 300
    """Upper estimate of the bytes of a bytes object, its key and its dict entry, besides the content."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: dict[Hashable, bytes] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> bytes | None:
        """The entry of a key, or None."""
        return self._kept.get(key)

    def put(self, key: Hashable, frozen: bytes) -> bool:
        """Adds an entry if it fits; returns whether it did."""
        size = len(frozen) + self._OVERHEAD
        if self.size + size > self.limit:
            return False
        if key not in self._kept:
            self._kept[key] = frozen
            self.size += size
        return True

    @classmethod
    def size_of(cls, frozen: bytes) -> int:
        """Bytes that an entry takes."""
        return len(frozen) + cls._OVERHEAD
