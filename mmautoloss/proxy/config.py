"""The config of a proxy training, made from that of the search."""

from __future__ import annotations

import copy
import itertools
import os
import secrets
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.hooks import CheckpointHook, LoggerHook, ProfilerHook
from mmengine.registry import HOOKS, DefaultScope

from mmautoloss.errors import SetupError
from mmautoloss.proxy.objects import type_name

_NEVER = 1 << 30
_NUMBERS = itertools.count()

_HOOKS = {
    'runtime_info': {'type': 'mmautoloss.QuietRuntimeInfoHook'},
    'timer': None,
    'sampler_seed': {'type': 'DistSamplerSeedHook'},
    'logger': None,
    'param_scheduler': {'type': 'ParamSchedulerHook'},
    'checkpoint': None,
}


def proxy_config(
    cfg: Config, schedule: dict[str, Any], invalid_stop: int | None, work_dir: str, rung: float | None = None
) -> Config:
    """The config of a proxy training: data, model and optimiser as they are, no logs, no checkpoints.

    Args:
        cfg: The search config.
        schedule: ``train_cfg`` of the proxy, such as ``dict(type='IterBasedTrainLoop', max_iters=100)``.
        invalid_stop: Iterations in which NaN and Inf end a training; None for all.
        work_dir: Where MMEngine may put its files; each Runner has a folder of its own in it.
        rung: Where in the training to validate once more (``RungHook``); None for nowhere.
    """
    cfg = copy.deepcopy(cfg)
    cfg.train_cfg = {**schedule, 'val_begin': _NEVER}  # one validation, at the end, by the evaluator
    cfg.default_hooks = copy.deepcopy(_HOOKS)
    guard = {'type': 'mmautoloss.NonFiniteGuardHook', 'first': invalid_stop}
    rungs = [] if rung is None else [{'type': 'mmautoloss.RungHook', 'at': rung}]
    ours = [guard, {'type': 'mmautoloss.ProgressHook'}, {'type': 'mmautoloss.PredictionsHook'}, *rungs]
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        theirs = [hook for hook in cfg.get('custom_hooks') or [] if not _only_writes(hook)]
    cfg.custom_hooks = [*theirs, *ours]
    cfg.experiment_name = f'proxy_{os.getpid()}_{next(_NUMBERS)}'  # MMEngine's managers are keyed by this name
    cfg.visualizer = {'type': 'Visualizer', 'name': cfg.experiment_name, 'vis_backends': []}
    cfg.log_level = 'ERROR'
    cfg.work_dir = os.path.join(work_dir, secrets.token_hex(4))  # what other hooks write there is in no one's way
    # a worker of several processes has joined them before; MMEngine then only uses what is there
    cfg.launcher = 'pytorch' if get_world_size() > 1 else 'none'
    if get_world_size() > 1:
        cfg.train_dataloader.batch_size = share_batch(cfg.train_dataloader, get_world_size())
    if isinstance(cfg.get('optim_wrapper'), dict):
        _update_at_once(cfg.optim_wrapper.get('optimizer') or {})
    cfg.resume = False
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    return cfg


def _only_writes(hook: Any) -> bool:
    """Whether a hook of the config writes checkpoints, logs or profiles, and changes nothing in a training."""
    kind = hook_class(hook)
    return isinstance(kind, type) and issubclass(kind, (CheckpointHook, LoggerHook, ProfilerHook))


def hook_class(hook: Any) -> Any:
    """The class of a hook of a config, in the scope that holds now; None where nobody knows its name."""
    if not isinstance(hook, dict):
        return type(hook)
    return HOOKS.get(hook['type']) if isinstance(hook.get('type'), str) else hook.get('type')


_AT_ONCE = ('SGD', 'Adam', 'AdamW')
"""Optimisers of torch that give the same, to the last bit, whether they go from weight to weight or take all at once."""


def _update_at_once(optimizer: dict[str, Any]) -> None:
    """Takes all weights at once, as on GPUs by default: on the CPU a quarter less time for small networks."""
    kind = optimizer.get('type')
    of_torch = isinstance(kind, str) or getattr(kind, '__module__', '').startswith('torch.optim.')
    if of_torch and type_name(kind) in _AT_ONCE and 'fused' not in optimizer:
        optimizer.setdefault('foreach', True)


def share_batch(loader: Mapping[str, Any], ranks: int) -> int | None:
    """The batch size of each of the processes that train together: the step's batch stays what the config says.

    Raises:
        SetupError: It cannot be shared evenly.
    """
    size = loader.get('batch_size')
    if ranks <= 1:
        return size
    if not isinstance(size, int) or size % ranks:
        raise SetupError(
            f'The train_dataloader needs a batch_size that {ranks} processes can share, but got {size}: '
            'change gpus_per_candidate or the batch size.'
        )
    return size // ranks
