"""Configs written as Python files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from keyword import iskeyword
from math import inf
from pathlib import Path
from pprint import pformat
from textwrap import indent
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.config.imports import Imports
from mmautoloss.errors import SetupError
from mmautoloss.files import write_text
from mmautoloss.proxy import plain_config

_WIDTH = 119


def write_config(cfg: Config, path: Path) -> None:
    """Writes a config as a Python file, in the style that it has."""
    write_text(path, config_text(cfg))


def config_text(cfg: Config) -> str:
    """A config as Python code, in the style that it has, and in its own order.

    MMEngine's writer sorts all keys as text, 10 before 2; but mmpose numbers keypoints by their place in ``keypoint_info``.
    """
    return _assignments(plain_config(cfg), lambda key, value: _code(value, _WIDTH - len(key) - 3))


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as Python code in their own order, on which proposals depend; of literals, which are read without running."""
    return _assignments(settings, lambda key, value: pformat(value, width=_WIDTH, sort_dicts=False))


def _assignments(settings: Mapping[str, Any], code: Callable[[str, Any], str]) -> str:
    """A line ``key = value`` for each setting, below the imports that they need."""
    imports = Imports(settings)
    return imports.fill(''.join(f'{key} = {code(key, value)}\n' for key, value in imports.mark(settings).items()))


def _code(value: Any, width: float) -> str:
    """A value as Python code, on one line where this is at most ``width`` long."""
    if not isinstance(value, (Mapping, list, tuple)) or not value:
        return repr(value)
    opening, items, closing = _items(value)
    comma = ',' if isinstance(value, tuple) and len(value) == 1 else ''
    line = f'{opening}{", ".join(name + _code(each, inf) for name, each in items)}{comma}{closing}'
    if len(line) <= width:
        return line
    lines = [f'{name}{_code(each, width - 5 - len(name))},\n' for name, each in items]
    return f'{opening}\n{indent("".join(lines), "    ")}{closing}'


def _items(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...]) -> tuple[str, list[tuple[str, Any]], str]:
    """The brackets of a container and what is in them, with what stands before; one of ``dict`` where keys can be names."""
    if not isinstance(value, Mapping):
        opening, closing = '[]' if isinstance(value, list) else '()'
        return opening, [('', each) for each in value], closing
    if all(isinstance(key, str) and key.isidentifier() and not iskeyword(key) for key in value):
        return 'dict(', [(f'{key}=', each) for key, each in value.items()], ')'
    return '{', [(f'{key!r}: ', each) for key, each in value.items()], '}'


@contextlib.contextmanager
def written(work_dir: Path) -> Iterator[None]:
    """Context in which files of a search are written.

    Raises:
        SetupError: One cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise SetupError(
            f'{error.filename2 or error.filename or work_dir} cannot be written: {error.strerror}. '
            'The journal is whole: free space or make it writable, then go on with --resume.'
        ) from error
