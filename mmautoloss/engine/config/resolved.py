"""The resolved search config in the work dir."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.trusted import CONFIG, remember
from mmautoloss.engine.config.writing import settings_text
from mmautoloss.errors import SetupError
from mmautoloss.files import write_text


def write_resolved(spec: SearchSpec) -> None:
    """Writes the search config into the work dir, for ``replay`` and ``report``."""
    settings = copy.deepcopy(dict(spec.proxy.config))
    search = settings['train_cfg']
    search['base_config'] = str(Path(search['base_config']).absolute())
    if search.get('tasks'):
        search['tasks'] = {name: str(Path(path).absolute()) for name, path in search['tasks'].items()}
    write_text(spec.work_dir / CONFIG, settings_text(settings))
    remember(spec.work_dir / CONFIG)


def read_resolved(work_dir: Path) -> dict[str, Any]:
    """The settings ``describe`` and ``options`` of the search config in a work dir, parsed without running it.

    Returns:
        Those that are written as literals; empty if there is no config.

    Raises:
        SetupError: The config there cannot be read.
    """
    path = work_dir / CONFIG
    if not path.is_file():
        return {}
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        cause = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise SetupError(f'{path} cannot be read: {cause}') from error
    settings = _dict_at(tree, 'train_cfg')
    literals = {key: _literal(settings[key]) for key in ('describe', 'options') if key in settings}
    return {key: value for key, value in literals.items() if isinstance(value, dict)}


def _dict_at(tree: ast.Module, name: str) -> dict[Any, ast.expr]:
    """The entries of the dict literal that a name is assigned, by key."""
    for line in tree.body:
        if not isinstance(line, ast.Assign) or [ast.unparse(target) for target in line.targets] != [name]:
            continue
        if isinstance(line.value, ast.Dict):
            entries = zip(line.value.keys, line.value.values, strict=True)
            return {key.value: value for key, value in entries if isinstance(key, ast.Constant)}
    return {}


def _literal(node: ast.expr) -> Any:
    """The value of a literal; None for an expression that would have to be computed."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, MemoryError):
        return None
