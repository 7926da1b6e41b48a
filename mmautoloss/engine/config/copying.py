"""Shipped configs written as files of a user."""

from __future__ import annotations

from pathlib import Path

from mmautoloss.engine.config.read import is_search, read_config
from mmautoloss.engine.config.shipped import require_shipped, shipped_folder
from mmautoloss.engine.config.writing import settings_text
from mmautoloss.errors import SetupError
from mmautoloss.files import write_output
from mmautoloss.proxy import plain_config


def write_shipped(name: str, output: Path | None = None) -> Path:
    """Writes a shipped config with all that it inherits into one file; its plain config stays the shipped one.

    Args:
        name: Its path below ``configs``.
        output: The new file; by default the last part of the name, here.

    Raises:
        SetupError: There is no such config, what it needs is not installed, the file is there already, or it
            cannot be written.
    """
    path = require_shipped(name)
    output = Path(path.name) if output is None else output
    if output.suffix != '.py':
        raise SetupError(f'--output must be a Python file, but got {output}.')
    if output.exists():
        raise SetupError(f'{output} is there already; choose another --output.')
    cfg = read_config(path)
    settings = plain_config(cfg)
    if is_search(cfg):
        search = settings['train_cfg']
        search['base_config'] = _by_name(search['base_config'], path)
        if search.get('tasks'):
            search['tasks'] = {name: _by_name(task, path) for name, task in search['tasks'].items()}
    write_output(output, f'# from {_by_name(path.name, path)} of mmautoloss\n{settings_text(settings)}')
    return output


def _by_name(named: str, config: Path) -> str:
    """The name by which a file that a shipped config names is found anywhere."""
    file = Path(named) if Path(named).is_absolute() else config.parent / named
    return str(Path('configs', file.resolve().relative_to(shipped_folder().resolve())))
