"""Config files as every command reads them: one clear error for what cannot be read."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from mmautoloss.errors import SetupError
from mmautoloss.proxy import plain_config, type_name


def read_config(path: str | Path) -> Config:
    """Reads a config, of the classic or of the new style.

    Raises:
        SetupError: There is no such file, or a library that it needs is not installed.
    """
    if not Path(path).is_file():
        raise SetupError(f'There is no config {path}.')
    try:
        cfg = Config.fromfile(path)
        plain_config(cfg)  # imports what one of the new style names
        if cfg.get('custom_imports'):  # MMEngine itself imports them in the classic style only
            import_modules_from_strings(**cfg.custom_imports)
    except ImportError as error:  # the library of a base ('mmdet::...') or of custom_imports
        raise SetupError(f'{path} needs what is not installed: {error} `make doctor` says how to mend it.') from None
    scope = cfg.get('default_scope') or 'mmengine'
    if importlib.util.find_spec(scope) is None:
        raise SetupError(f'{path} needs {scope}, which is not installed; `make doctor` says how to mend it.')
    return cfg


def is_search(cfg: Config) -> bool:
    """Whether it describes a search."""
    return type_name((cfg.get('train_cfg') or {}).get('type')) == 'SearchLoop'
