"""The memory that this process has."""

from __future__ import annotations

import resource
from pathlib import Path

MB = 1024 * 1024


def resident() -> int:
    """Bytes of memory that this process has now."""
    pages = int(Path('/proc/self/statm').read_text().split()[1])
    return pages * resource.getpagesize()
