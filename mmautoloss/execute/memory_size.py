"""Parses amounts of memory such as ``2 GiB``."""

from __future__ import annotations

import re

from mmautoloss.errors import SetupError

_SIZES = {
    **{'B': 1, 'kB': 10**3, 'MB': 10**6, 'GB': 10**9, 'TB': 10**12},
    **{'KiB': 2**10, 'MiB': 2**20, 'GiB': 2**30, 'TiB': 2**40},
}
_UNITS = {'': 1, **{unit.upper(): size for unit, size in _SIZES.items()}}


def parse_size(text: str | int, name: str = 'An amount of memory') -> int:
    """Converts an amount of memory to bytes.

    Args:
        text: A number of bytes, or a number with a unit.
        name: Name in error messages, such as that of the setting.

    Raises:
        SetupError: The text is not an amount of memory.

    Example:
        >>> parse_size('1.5 GiB'), parse_size('1 TiB'), parse_size('200 MB'), parse_size(0)
        (1610612736, 1099511627776, 200000000, 0)
    """
    match = re.fullmatch(r'(\d+(?:\.\d+)?)\s*([a-zA-Z]*)', str(text).strip())
    if match is None or match[2].upper() not in _UNITS or isinstance(text, bool):
        units = ', '.join(_SIZES)
        raise SetupError(f"{name} must be a number of bytes or a text such as '2 GiB' ({units}), but got {text!r}.")
    return int(float(match[1]) * _UNITS[match[2].upper()])
