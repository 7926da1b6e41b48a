"""The compiler for this folder and its cache."""

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
"""Sums may be reordered, but NaN and Inf are respected."""


def cache_folder() -> Path:
    """The folder of the compiled code of exactly these sources.

    Numba checks only the file of a function, not the files of the functions that it calls, so it would use their old code
    after a change.
    """
    digest = hashlib.sha256(repr((PUBLISHED, EPS, AREA_EPS, LEAST)).encode())  # numba treats them as constants
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
    """Whether compiled code is cached for later processes."""
    return _KEPT


def compiled(function: Callable[..., Any] | None = None, inline: str = 'never') -> Any:
    """Decorator that compiles a function at its first call, after ``compile_cache.ensure_compiled``.

    Args:
        function: A function of numbers and arrays.
        inline: ``'always'`` inlines it into its callers, so that their loops can be vectorised.
    """
    if function is None:
        return lambda function: compiled(function, inline)
    previous = _CONFIG.CACHE_DIR
    # numba reads it at decoration; restored, so that functions of other packages keep their cache
    _CONFIG.CACHE_DIR = str(_FOLDER)
    try:
        options = {'cache': _KEPT, 'inline': inline, **MATHS}
        return numba.njit(**options)(function)
    finally:
        _CONFIG.CACHE_DIR = previous
