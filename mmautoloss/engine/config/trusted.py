"""Which search configs may be run: a config is a program, and a folder that was found is data.

A search keeps the digest of the config that it writes into its work dir, in the user's cache. A config of that content has
been run by this user already. Any other is run only where the user names it.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from mmautoloss.errors import SetupError
from mmautoloss.user_cache import cache_root

CONFIG = 'search_config.py'
"""The whole search config, in the work dir."""

_of_this_process: set[str] = set()


def remember(config: Path) -> None:
    """Keeps that a config is one of this user's searches."""
    _of_this_process.add(_digest(config))
    with contextlib.suppress(OSError):  # without a cache the user has to name it
        mark = _mark(config)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def is_trusted(config: Path) -> bool:
    """Whether a search of this user has written a config, as it is."""
    try:
        return _digest(config) in _of_this_process or _mark(config).is_file()
    except OSError:  # none that can be read
        return False


def trusted_config(work_dir: Path) -> Path | None:
    """The config in a work dir, where it may be run without being named."""
    path = work_dir / CONFIG
    return path if is_trusted(path) else None


def chosen_config(work_dir: Path, named: Path | None, option: str = '--config') -> Path:
    """The config with which to go on with the search of a work dir.

    Args:
        work_dir: The work dir.
        named: What the user names, or None.
        option: How it is named.

    Raises:
        SetupError: There is none, or none that may be run.
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
