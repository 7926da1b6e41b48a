"""Where MMEngine finds our modules; the only bond between the core and MMEngine.

The child registries make ``type='mmautoloss.SearchedLoss'`` import this package by itself, without ``custom_imports``.
What is registered with ``everywhere=True`` also enters MMEngine's root registry, so that the bare ``type='SearchedLoss'``
works in the scopes of mmdet, mmseg and mmpose once the package is imported.
"""

from __future__ import annotations

from collections.abc import Callable

from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import LOOPS as ROOT_LOOPS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import VISBACKENDS as ROOT_VISBACKENDS
from mmengine.registry import Registry

MODELS = Registry('model', parent=ROOT_MODELS, scope='mmautoloss', locations=['mmautoloss.losses'])
LOOPS = Registry('loop', parent=ROOT_LOOPS, scope='mmautoloss', locations=['mmautoloss.engine'])
HOOKS = Registry(
    'hook',
    parent=ROOT_HOOKS,
    scope='mmautoloss',
    locations=['mmautoloss.proxy.hooks', 'mmautoloss.proxy.rung', 'mmautoloss.proxy.predictions'],
)
VISBACKENDS = Registry(
    'vis_backend', parent=ROOT_VISBACKENDS, scope='mmautoloss', locations=['mmautoloss.engine.guarded']
)
METRICS = Registry('metric', parent=ROOT_METRICS, scope='mmautoloss', locations=['mmautoloss.evaluation'])


def register(registry: Registry, everywhere: bool = False) -> Callable[[type], type]:
    """Decorator that registers a class in one of our registries and, if asked for, in its root."""

    def add(cls: type) -> type:
        registry.register_module(module=cls)
        if everywhere:
            registry.parent.register_module(module=cls)
        return cls

    return add
