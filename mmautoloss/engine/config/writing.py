"""Configs written as Python files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from pprint import pformat
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.config.imports import Imports
from mmautoloss.errors import SetupError
from mmautoloss.files import write_text
from mmautoloss.proxy import plain_config


def write_config(cfg: Config, path: Path) -> None:
    """Writes a config as a Python file, in the style that it has."""
    write_text(path, config_text(cfg))


def config_text(cfg: Config) -> str:
    """A config as Python code, in the style that it has."""
    settings = plain_config(cfg)
    imports = Imports(settings)
    return imports.fill(Config(imports.mark(settings)).pretty_text)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Settings as Python code in their own order, which MMEngine's writer would not keep: proposals depend on it."""
    imports = Imports(settings)
    lines = [f'{key} = {pformat(value, width=119, sort_dicts=False)}' for key, value in imports.mark(settings).items()]
    return imports.fill('\n'.join(lines) + '\n')


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
