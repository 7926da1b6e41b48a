"""Parses ``NAME=VALUE`` arguments."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.errors import SetupError


def pairs_of(name: str, words: Sequence[str]) -> dict[str, str]:
    """The values by name.

    Args:
        name: Name of the argument, for error messages.
        words: The ``NAME=VALUE`` texts.

    Raises:
        SetupError: A text has no ``=``, or a name occurs twice.
    """
    if not all('=' in word for word in words):
        raise SetupError(f'{name} must be NAME=VALUE ..., but got {" ".join(words)}.')
    pairs: dict[str, str] = {}
    for word in words:
        key, _, value = word.partition('=')
        if key in pairs:
            raise SetupError(
                f'{name}: {key!r} can stand once only, but got {pairs[key]!r} and {value!r}. Take one out.'
            )
        pairs[key] = value
    return pairs
