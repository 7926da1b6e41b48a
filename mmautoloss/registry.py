"""Registries of this package for MMEngine; the only dependency of the core on MMEngine.

The child registries import this package for ``type='mmautoloss.SearchedLoss'``, without ``custom_imports``. Classes that are
registered with ``everywhere=True`` also enter MMEngine's root registry, so that the bare ``type='SearchedLoss'`` works in
the scopes of mmdet, mmseg, mmpose and mmpretrain once the package is imported. Without MMEngine nothing is registered, and
losses can be used as plain torch modules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.registry import Registry

try:
    from mmengine import registry as roots
except ModuleNotFoundError as error:
    if error.name != 'mmengine':  # MMEngine is installed, but broken
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
HOOKS = _child(
    'hook',
    'HOOKS',
    'proxy.hooks',
    'proxy.rung_hook',
    'proxy.predictions',
    'engine.channels_last',
    'engine.loss_switch',
    'engine.loss_weights',
)
VISBACKENDS = _child('vis_backend', 'VISBACKENDS', 'engine.guarded_backend')
DATASETS = _child('dataset', 'DATASETS', 'datasets.noisy_labels')
TRANSFORMS = _child('transform', 'TRANSFORMS', 'datasets.missing_instances')
METRICS = _child('metric', 'METRICS', 'evaluation')


def register(registry: Registry | None, everywhere: bool = False) -> Callable[[type], type]:
    """Decorator that registers a class in a registry of this package and, with ``everywhere``, in its root."""

    def add(cls: type) -> type:
        if registry is not None:
            registry.register_module(module=cls)
            if everywhere:
                registry.parent.register_module(module=cls)
        return cls

    return add
