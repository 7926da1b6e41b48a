"""The search config in the work dir, as it was resolved."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from pprint import pformat
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.export import write_text
from mmautoloss.engine.imports import Imports
from mmautoloss.engine.read import reading
from mmautoloss.engine.spec import SearchSpec

CONFIG = 'search_config.py'
"""The whole search config, in the work dir."""


def write_resolved(spec: SearchSpec) -> None:
    """Writes the search config into the work dir, for ``replay`` and ``report``."""
    settings = copy.deepcopy(dict(spec.proxy.config))
    settings['train_cfg']['base_config'] = str(Path(settings['train_cfg']['base_config']).absolute())
    # not by MMEngine's own writer: it sorts keys, and branches are bred in the order in which they are named
    imports = Imports(settings)
    marked = imports.mark(settings)
    lines = [f'{key} = {pformat(value, width=119, sort_dicts=False)}' for key, value in marked.items()]
    write_text(spec.work_dir / CONFIG, imports.fill('\n'.join(lines) + '\n'))


def read_resolved(work_dir: Path) -> Mapping[str, Any]:
    """The settings of the search in a work dir; empty where it has no config.

    Raises:
        SetupError: The config there cannot be read.
    """
    path = work_dir / CONFIG
    if not path.is_file():
        return {}
    with reading(path):
        return Config.fromfile(path, import_custom_modules=False).train_cfg
