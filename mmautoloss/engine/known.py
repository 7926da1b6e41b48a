"""Types of a config that MMEngine does not miss where they are misspelt."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.registry import FUNCTIONS, OPTIMIZERS, DefaultScope

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
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        for path, registry in _LOOKED_UP.items():
            kind = _at(cfg, path)
            with registry.switch_scope_and_registry(None) as scoped:
                if isinstance(kind, str) and scoped.get(kind) is None:
                    raise SetupError(
                        f'{path}={kind!r} is not in the {registry.name} registry. Correct it, or name its module in '
                        'custom_imports.'
                    )


def _at(cfg: Config, path: str) -> object:
    node: object = cfg
    for key in path.split('.'):
        node = node.get(key) if isinstance(node, (dict, Config)) else None
    return node
