"""Checks of the types and ranges of settings, with clear errors."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from mmautoloss.errors import SetupError

MAX_SEED = 2**32 - 1
"""Largest seed that numpy accepts."""


class WrongTypeError(SetupError, TypeError):
    """A setting has the wrong type."""


def require_whole(name: str, value: Any, least: int | None = 0, most: int | None = None) -> None:
    """Requires an integer in a range.

    Args:
        name: Name of the setting.
        value: Its value.
        least: Minimum; None for no limit.
        most: Maximum; None for no limit.

    Raises:
        SetupError: The value is not such a number.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongTypeError(f'{name} must be a whole number, but got {value!r}.')
    _require(name, value, least, most)


def require_number(
    name: str, value: Any, least: float | None = 0.0, most: float | None = None, above: bool = False
) -> None:
    """Requires a finite number in a range.

    Args:
        name: Name of the setting.
        value: Its value.
        least: Minimum; None for no limit.
        most: Maximum; None for no limit.
        above: Whether the value must be greater than ``least``.

    Raises:
        SetupError: The value is not such a number.
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise WrongTypeError(f'{name} must be a number, but got {value!r}.')
    if not math.isfinite(value):
        raise SetupError(f'{name} must be a finite number, but got {value}.')
    if above and value == least:
        raise SetupError(f'{name} must be {"positive" if least == 0 else f"above {least}"}, but got {value}.')
    _require(name, value, least, most)


def require_flag(name: str, value: Any) -> None:
    """Requires True or False; a text, even ``'False'``, would count as True.

    Raises:
        SetupError: The value is neither.
    """
    if not isinstance(value, bool):
        raise WrongTypeError(f'{name} must be True or False, but got {value!r}.')


def nearest(name: Any, names: Iterable[str]) -> str:
    """A question after the name that may be meant, in capitals or not; '' where none is near.

    Example:
        >>> nearest('mIuO', ('mIoU', 'mAcc')), nearest('x', ('mIoU', 'mAcc'))
        (' (did you mean mIoU?)', '')
    """
    known = {each.lower(): each for each in names}
    near = get_close_matches(str(name).lower(), list(known), n=1, cutoff=0.6)
    return f' (did you mean {known[near[0]]}?)' if near else ''


def whole_argument(least: int = 0, most: int | None = None) -> Callable[[str], int]:
    """The ``type=`` of a command-line argument that is an integer in a range."""

    def read_argument(text: str) -> int:
        try:
            value = int(text)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f'must be a whole number, but got {text!r}') from None
        try:
            require_whole('it', value, least, most)
        except SetupError as error:
            raise argparse.ArgumentTypeError(str(error).removeprefix('it ').removesuffix('.')) from None
        return value

    return read_argument


def _require(name: str, value: float, least: float | None, most: float | None) -> None:
    if least is not None and value < least:
        requirement = 'not be negative' if least == 0 else f'be at least {least}'
        raise SetupError(f'{name} must {requirement}, but got {value}.')
    if most is not None and value > most:
        raise SetupError(f'{name} must be at most {most}, but got {value}.')
