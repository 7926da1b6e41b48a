"""The search configs that may be run: a config is a program, whereas a work dir is data.

A search stores the digest of the config in its work dir in the user's cache: this user has run a config of that content
before. Any other is run only if the user names it.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from mmautoloss.errors import SetupError
from mmautoloss.user_cache import cache_root

CONFIG = 'search_config.py'
"""The whole search config, in the work dir."""

_digests: set[str] = set()


def remember(config: Path) -> None:
    """Stores that a config was written by a search of this user."""
    _digests.add(_digest(config))
    with contextlib.suppress(OSError):  # without a cache the user has to name the config
        mark = _mark(config)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def is_trusted(config: Path) -> bool:
    """Whether a search of this user has written a config of this content."""
    try:
        return _digest(config) in _digests or _mark(config).is_file()
    except OSError:  # missing or unreadable
        return False


def trusted_config(work_dir: Path) -> Path | None:
    """The config in a work dir, if it may be run without being named."""
    path = work_dir / CONFIG
    return path if is_trusted(path) else None


def chosen_config(work_dir: Path, named: Path | None, option: str = '--config') -> Path:
    """The config of the search in a work dir.

    Args:
        work_dir: The work dir.
        named: The config that the user names, or None.
        option: The option that names it.

    Raises:
        SetupError: There is no config, or it may not be run.
    """
    path = named or work_dir / CONFIG
    if not path.is_file():
        raise SetupError(f'There is no {path}. Name the search config of this journal with {option} CONFIG.')
    if named is None and not is_trusted(path):
        raise SetupError(
            f'{path} is a program that no search of yours has written as it is, so it is run only where you name it: look '
            f'into it, then add {option} {path}.'
        )
    return path


def _mark(config: Path) -> Path:
    return cache_root() / 'search_configs' / _digest(config)


def _digest(config: Path) -> str:
    return hashlib.sha256(config.read_bytes()).hexdigest()
