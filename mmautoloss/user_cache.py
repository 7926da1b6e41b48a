"""The user's cache folder, for compiled code and digests of configs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The cache folder of this package, in ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmautoloss'
