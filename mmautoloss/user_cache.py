"""Where files lie that can be made again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The folder of this package in the user's cache: in ``$XDG_CACHE_HOME``, else in ``~/.cache``."""
    return Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'mmautoloss'
