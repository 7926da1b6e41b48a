"""Regular expressions that metrics look for in the paths of images."""

from __future__ import annotations

import re

from mmautoloss.errors import SetupError


def compiled(name: str, text: str | None, groups: int = 0) -> re.Pattern[str] | None:
    """A setting as a pattern.

    Args:
        name: Name of the setting.
        text: Its value; None for no pattern.
        groups: Number of groups that it needs.

    Raises:
        SetupError: It is no regular expression, or lacks a group.
    """
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise SetupError(f'{name} must be a regular expression, but {text!r} is none: {error}.') from None
    if pattern.groups < groups:
        raise SetupError(f"{name} needs a group, such as r'_c(\\d)', but got {text!r}.")
    return pattern


def group_of(name: str, pattern: re.Pattern[str], path: str) -> str:
    """What the first group of a pattern finds in a path.

    Raises:
        SetupError: It finds nothing.
    """
    found = pattern.search(path)
    if found is None:
        raise SetupError(f'{name} {pattern.pattern!r} finds nothing in {path!r}.')
    return found[1]
