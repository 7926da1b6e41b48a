"""Types of a config that MMEngine does not miss where they are misspelt."""

from __future__ import annotations

import contextlib
import importlib

from mmengine.config import Config
from mmengine.registry import FUNCTIONS, OPTIMIZERS, Registry

from mmautoloss.errors import SetupError

_LOOKED_UP = {
    'optim_wrapper.optimizer.type': OPTIMIZERS,
    **{f'{part}_dataloader.collate_fn.type': FUNCTIONS for part in ('train', 'val')},
}
"""Settings that MMEngine looks up and calls, whatever it finds; all other types it refuses by name."""


def require_known(cfg: Config) -> None:
    """Looks these types up.

    Raises:
        SetupError: One is not there.
    """
    for path, registry in _LOOKED_UP.items():
        kind = _at(cfg, path)
        if isinstance(kind, str) and not _is_known(kind, registry, cfg.get('default_scope')):
            raise SetupError(
                f'{path}={kind!r} is not in the {registry.name} registry. Correct it, or name its module in custom_imports.'
            )


def _is_known(kind: str, registry: Registry, scope: str | None) -> bool:
    if registry.get(kind) is not None:
        return True
    with contextlib.suppress(ImportError):  # of a library without registries; then it has none of its own
        importlib.import_module(f'{scope}.registry')
    child = registry.children.get(scope)
    return child is not None and child.get(kind) is not None


def _at(cfg: Config, path: str) -> object:
    node: object = cfg
    for key in path.split('.'):
        node = node.get(key) if isinstance(node, (dict, Config)) else None
    return node
