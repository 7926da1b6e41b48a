"""Types in a config whose misspelling MMEngine does not report."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping

from mmengine.config import Config
from mmengine.registry import FUNCTIONS, OPTIMIZERS, Registry
from mmengine.utils import import_modules_from_strings

from mmautoloss.checks import nearest
from mmautoloss.errors import SetupError

_LOOKED_UP = {
    'optim_wrapper.optimizer.type': OPTIMIZERS,
    **{f'{part}_dataloader.collate_fn.type': FUNCTIONS for part in ('train', 'val')},
}
"""Settings that MMEngine looks up without a check; it reports all other unknown types by name."""


def require_known(cfg: Config) -> None:
    """Looks up the types of these settings.

    Raises:
        SetupError: A type is not registered.
    """
    for path, registry in _LOOKED_UP.items():
        kind = _at(cfg, path)
        if isinstance(kind, str) and not _is_known(kind, registry, cfg.get('default_scope')):
            raise SetupError(
                f'{path}={kind!r} is not in the {registry.name} registry. Correct it{nearest(kind, registry.module_dict)}, '
                'or name its module in custom_imports.'
            )


def require_imports(cfg: Config) -> None:
    """Imports the modules of ``custom_imports``, since options of the command line may have changed them.

    Raises:
        SetupError: It is something else than names of modules, or one cannot be imported.
    """
    imports = cfg.get('custom_imports') or {}
    if not isinstance(imports, Mapping) or (imports and 'imports' not in imports):
        raise SetupError(
            f"custom_imports must be such as dict(imports=['my_package.my_module']), but got {imports!r}."
        )
    if not imports:
        return
    try:
        import_modules_from_strings(**imports)
    except Exception as error:  # a module of the user may raise anything
        raise SetupError(f'custom_imports: {type(error).__name__}: {error}') from error


def _is_known(kind: str, registry: Registry, scope: str | None) -> bool:
    if registry.get(kind) is not None:
        return True
    with contextlib.suppress(ImportError):  # a library without registries of its own
        importlib.import_module(f'{scope}.registry')
    child = registry.children.get(scope)
    return child is not None and child.get(kind) is not None


def _at(cfg: Config, path: str) -> object:
    node: object = cfg
    for key in path.split('.'):
        node = node.get(key) if isinstance(node, (dict, Config)) else None
    return node
