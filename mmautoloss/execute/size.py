"""Amounts of memory as people write them."""

from __future__ import annotations

import re

from mmautoloss.errors import SetupError

_UNITS = {'': 1, 'B': 1, 'KB': 10**3, 'MB': 10**6, 'GB': 10**9, 'KIB': 2**10, 'MIB': 2**20, 'GIB': 2**30}


def parse_size(text: str | int) -> int:
    """Bytes of an amount of memory.

    Raises:
        SetupError: It is none.

    Example:
        >>> parse_size('1.5 GiB'), parse_size('200 MB'), parse_size(0)
        (1610612736, 200000000, 0)
    """
    found = re.fullmatch(r'(\d+(?:\.\d+)?)\s*([a-zA-Z]*)', str(text).strip())
    if found is None or found[2].upper() not in _UNITS or isinstance(text, bool):
        raise SetupError(f"An amount of memory is a number of bytes or a text such as '2 GiB', but got {text!r}.")
    return int(float(found[1]) * _UNITS[found[2].upper()])
