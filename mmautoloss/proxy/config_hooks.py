"""Which hooks of a config take part in the trainings of candidates."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from mmengine.hooks import CheckpointHook, IterTimerHook, LoggerHook, ProfilerHook, RuntimeInfoHook
from mmengine.registry import HOOKS, DefaultScope

from mmautoloss.errors import SetupError
from mmautoloss.proxy.objects import type_name

_OWN = {
    'runtime_info': {'type': 'mmautoloss.QuietRuntimeInfoHook'},
    'timer': None,
    'sampler_seed': {'type': 'DistSamplerSeedHook'},
    'logger': None,
    'param_scheduler': {'type': 'ParamSchedulerHook'},
    'checkpoint': None,
}
"""The hooks that MMEngine registers by itself, as trainings of candidates have them."""

_WRITE = (CheckpointHook, LoggerHook, ProfilerHook, IterTimerHook, RuntimeInfoHook)
_DRAW = 'VisualizationHook'
"""End of the names of the libraries' classes that draw predictions."""


class ConfigHooks(NamedTuple):
    """The hooks of a config.

    Attributes:
        default: ``default_hooks`` of a candidate's training.
        custom: Those of ``custom_hooks`` that are kept.
        kept: Those of ``default_hooks`` that are kept, but for MMEngine's own.
        gone: Places and classes of those that only write or draw, and are left out.
    """

    default: Mapping[str, Any]
    custom: list[Any]
    kept: list[Any]
    gone: tuple[str, ...]


def hooks_of(cfg: Mapping[str, Any]) -> ConfigHooks:
    """The hooks of a search config; all are kept that may change a training.

    Raises:
        SetupError: ``default_hooks`` or ``custom_hooks`` is something else than hooks.
    """
    default, custom = cfg.get('default_hooks') or {}, cfg.get('custom_hooks') or []
    _require_hooks(default, custom)
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        named = {name: hook for name, hook in default.items() if hook is not None}
        writing = {name for name, hook in named.items() if _only_writes(hook)}
        judged = [(hook, _only_writes(hook)) for hook in custom]
    kept = {name: hook for name, hook in named.items() if name not in writing}
    places = [(f'default_hooks.{name}', named[name]) for name in named if name in writing]
    places += [('custom_hooks', hook) for hook, writes in judged if writes]
    return ConfigHooks(
        default=copy.deepcopy({**_OWN, **kept}),
        custom=[hook for hook, writes in judged if not writes],
        kept=[hook for name, hook in kept.items() if name not in _OWN],
        gone=tuple(f'{place} ({_name(hook)})' for place, hook in places),
    )


def _require_hooks(default: Any, custom: Any) -> None:
    if not isinstance(default, Mapping):
        raise SetupError(f'default_hooks must be a dict of hooks by name, but got {default!r}.')
    if not isinstance(custom, (list, tuple)):
        raise SetupError(f"custom_hooks must be a list of hooks such as [dict(type='EMAHook')], but got {custom!r}.")
    for place, hook in [*((f'default_hooks.{name}', hook) for name, hook in default.items()), *enumerate(custom)]:
        place = place if isinstance(place, str) else f'custom_hooks[{place}]'
        if isinstance(hook, (str, int, float, list)) or (isinstance(hook, Mapping) and 'type' not in hook):
            raise SetupError(f"{place} must be a hook such as dict(type='EMAHook'), but got {hook!r}.")


def _only_writes(hook: Any) -> bool:
    """Whether a hook of the config writes checkpoints, logs, profiles or drawings, and so does not affect the training."""
    kind = hook_class(hook)
    return isinstance(kind, type) and (issubclass(kind, _WRITE) or kind.__name__.endswith(_DRAW))


def _name(hook: Any) -> str:
    return type_name(hook['type']) if isinstance(hook, Mapping) else type(hook).__name__


def hook_class(hook: Any) -> Any:
    """The class of a hook of a config, looked up in the current scope; None if its name is not registered."""
    if not isinstance(hook, Mapping):
        return type(hook)
    kind = hook.get('type')
    if not isinstance(kind, str):
        return kind
    with HOOKS.switch_scope_and_registry(None) as registry:  # of the library, which ``HOOKS`` itself does not search
        return registry.get(kind)
