"""``NAME=VALUE`` arguments of commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmautoloss.errors import SetupError


def pairs_of(name: str, words: Sequence[str]) -> dict[str, str]:
    """The values by name.

    Args:
        name: The argument, for errors.
        words: Its words.

    Raises:
        SetupError: One has no ``=``, or a name stands there twice.
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


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """``--cfg-options`` as MMEngine's own tools read them: lists, numbers, texts."""
    from mmengine.config import DictAction

    pairs_of('--cfg-options', words)
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *words] if words else []).cfg_options
