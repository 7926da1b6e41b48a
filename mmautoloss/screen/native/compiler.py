"""The compiler of this folder, and where it keeps what it compiled."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

from mmautoloss.expr import EPS, PUBLISHED
from mmautoloss.expr.logarithms import LEAST
from mmautoloss.losses.inputs.boxes import AREA_EPS
from mmautoloss.user_cache import cache_root

MATHS: dict[str, Any] = {
    'error_model': 'numpy',
    'fastmath': {'contract', 'nsz', 'reassoc'},
    'nogil': True,
    'boundscheck': False,
}
"""Sums may be reordered, but NaN and Inf stay what they are."""


def cache_folder() -> Path:
    """Where compiled code of exactly these sources lies.

    Numba itself looks only at the file of a function, not at those that it calls, so after a change it would go on with
    the old ones.
    """
    digest = hashlib.sha256(repr((PUBLISHED, EPS, AREA_EPS, LEAST)).encode())  # numba takes them for constants
    for path in sorted(Path(__file__).parent.glob('*.py')):
        digest.update(path.read_bytes())
    return cache_root() / f'native-{digest.hexdigest()[:12]}'


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return True
        reason = 'no permission to write'
    except OSError as error:
        reason = str(error.strerror)
    warnings.warn(
        f'Compiled code cannot be kept in {folder} ({reason}): each start compiles for some ten seconds. '
        'Set XDG_CACHE_HOME to a folder that can be written.',
        stacklevel=2,
    )
    return False


_CONFIG: Any = numba.config  # its attributes come from the environment
_FOLDER = cache_folder()
_KEPT = _usable(_FOLDER)


def is_kept() -> bool:
    """Whether later processes find what this one compiles."""
    return _KEPT


def compiled(function: Callable[..., Any] | None = None, inline: str = 'never') -> Any:
    """Decorator: compiled at the first call, once a machine; ``once.ensure_compiled`` comes before.

    Args:
        function: A function of numbers and arrays.
        inline: ``'always'`` puts it into its callers, so that their loops become vectors.
    """
    if function is None:
        return lambda function: compiled(function, inline)
    before = _CONFIG.CACHE_DIR
    # read while a function is decorated: other people's functions keep their place
    _CONFIG.CACHE_DIR = str(_FOLDER)
    try:
        options = {'cache': _KEPT, 'inline': inline, **MATHS}
        return numba.njit(**options)(function)
    finally:
        _CONFIG.CACHE_DIR = before
