"""Types in a config whose misspelling MMEngine does not report."""

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
                f'{path}={kind!r} is not in the {registry.name} registry. Correct it, or name its module in custom_imports.'
            )


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
