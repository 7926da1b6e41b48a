"""Where MMEngine finds our modules; the only bond between the core and MMEngine.

The child registries make ``type='mmautoloss.SearchedLoss'`` import this package by itself, without ``custom_imports``.
What is registered with ``everywhere=True`` also enters MMEngine's root registry, so that the bare ``type='SearchedLoss'``
works in the scopes of mmdet, mmseg and mmpose once the package is imported. Without MMEngine nothing is registered: losses
are then used as the modules that they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.registry import Registry

try:
    from mmengine import registry as roots
except ModuleNotFoundError as error:
    if error.name != 'mmengine':  # MMEngine is there, and broken
        raise
    roots = None


def _child(name: str, root: str, *locations: str) -> Registry | None:
    if roots is None:
        return None
    return roots.Registry(
        name,
        parent=getattr(roots, root),
        scope='mmautoloss',
        locations=[f'mmautoloss.{location}' for location in locations],
    )


MODELS = _child('model', 'MODELS', 'losses')
LOOPS = _child('loop', 'LOOPS', 'engine')
HOOKS = _child('hook', 'HOOKS', 'proxy.hooks', 'proxy.rung_hook', 'proxy.predictions')
VISBACKENDS = _child('vis_backend', 'VISBACKENDS', 'engine.guarded_backend')
METRICS = _child('metric', 'METRICS', 'evaluation')


def register(registry: Registry | None, everywhere: bool = False) -> Callable[[type], type]:
    """Decorator that registers a class in one of our registries and, if asked for, in its root."""

    def add(cls: type) -> type:
        if registry is not None:
            registry.register_module(module=cls)
            if everywhere:
                registry.parent.register_module(module=cls)
        return cls

    return add
