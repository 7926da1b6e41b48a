"""Reading of config files, with one clear error if it fails."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mmautoloss.engine.config.file_names import any_file_name
from mmautoloss.engine.config.shipped import local_or_shipped, nearest_config
from mmautoloss.errors import SetupError
from mmautoloss.proxy import plain_config, type_name


def read_config(path: str | Path) -> Config:
    """Reads a config, of the classic or of the new style; where there is no file, the shipped config of that name.

    Raises:
        SetupError: There is no such file, it cannot be read, or a library that it needs is not installed.
    """
    path = local_or_shipped(path)
    if not path.is_file():
        raise SetupError(f'There is no config {path}{nearest_config(path)}.')
    with reading(path), any_file_name():
        cfg = Config.fromfile(path)
        plain_config(cfg)  # imports the modules that a config of the new style names
        if cfg.get('custom_imports'):  # MMEngine itself imports them in the classic style only
            import_modules_from_strings(**cfg.custom_imports)
    scope = cfg.get('default_scope') or 'mmengine'
    if importlib.util.find_spec(scope) is None:
        raise SetupError(f'{path} needs {scope}, which is not installed; `make doctor` says how to repair it.')
    return cfg


@contextmanager
def reading(path: str | Path) -> Iterator[None]:
    """Turns any error while a config is read into a SetupError."""
    try:
        yield
    except ImportError as error:  # the library of a base ('mmdet::...') or of custom_imports
        raise SetupError(f'{path} needs what is not installed: {error} `make doctor` says how to repair it.') from None
    except Exception as error:  # a config is a program of the user, which may raise anything
        cause = f'{type(error).__name__}: {error}'.strip().splitlines()[-1]
        raise SetupError(f'{path} cannot be read: {cause}') from error


def is_search(cfg: Config) -> bool:
    """Whether a config describes a search."""
    return type_name((cfg.get('train_cfg') or {}).get('type')) == 'SearchLoop'
