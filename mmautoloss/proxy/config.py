"""The config of a proxy training, derived from the search config."""

from __future__ import annotations

import copy
import itertools
import os
import secrets
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size

from mmautoloss.errors import SetupError
from mmautoloss.proxy.config_hooks import hooks_of
from mmautoloss.proxy.objects import type_name

_NEVER = 1 << 30
_NUMBERS = itertools.count()


def proxy_config(
    cfg: Config,
    schedule: dict[str, Any],
    invalid_stop: int | None,
    work_dir: str,
    rung: float | None = None,
    checkpoint: str = '',
) -> Config:
    """The config of a proxy training: the same data, model and optimiser, without logs and checkpoints.

    Args:
        cfg: The search config.
        schedule: ``train_cfg`` of the proxy, such as ``dict(type='IterBasedTrainLoop', max_iters=100)``.
        invalid_stop: Number of first iterations in which a NaN or Inf ends the training; None for all.
        work_dir: Folder for the files of MMEngine, in which each Runner has its own subfolder.
        rung: Point of the training at which to validate once more (``RungHook``); None for no rung.
        checkpoint: File of a trained model with which it begins; '' for that of the config.
    """
    cfg = copy.deepcopy(cfg)
    cfg.train_cfg = {**schedule, 'val_begin': _NEVER}  # one validation, at the end, by the evaluator
    guard = {'type': 'mmautoloss.NonFiniteGuardHook', 'first': invalid_stop}
    rungs = [] if rung is None else [{'type': 'mmautoloss.RungHook', 'at': rung}]
    own_hooks = [guard, {'type': 'mmautoloss.ProgressHook'}, {'type': 'mmautoloss.PredictionsHook'}, *rungs]
    hooks = hooks_of(cfg)
    cfg.default_hooks, cfg.custom_hooks = dict(hooks.default), [*hooks.custom, *own_hooks]
    cfg.experiment_name = f'proxy_{os.getpid()}_{next(_NUMBERS)}'  # MMEngine's managers are keyed by this name
    cfg.visualizer = {'type': 'Visualizer', 'name': cfg.experiment_name, 'vis_backends': []}
    cfg.log_level = 'ERROR'
    cfg.work_dir = os.path.join(work_dir, secrets.token_hex(4))  # files of the user's hooks cannot collide
    # the processes of a worker already form a group, which MMEngine then uses as it is
    cfg.launcher = 'pytorch' if get_world_size() > 1 else 'none'
    if get_world_size() > 1:
        cfg.train_dataloader.batch_size = share_batch(cfg.train_dataloader, get_world_size())
    if isinstance(cfg.get('optim_wrapper'), dict):
        _use_foreach(cfg.optim_wrapper.get('optimizer') or {})
    cfg.resume = False
    if checkpoint:
        cfg.load_from = checkpoint
    for key in ('test_dataloader', 'test_cfg', 'test_evaluator'):
        cfg[key] = None
    return cfg


_SAME_WITH_FOREACH = ('SGD', 'Adam', 'AdamW')
"""Optimisers of torch whose result with ``foreach=True`` is bitwise equal to that without."""


def _use_foreach(optimizer: dict[str, Any]) -> None:
    """Sets ``foreach``, the default on GPUs: on the CPU an update of small networks takes a quarter less time."""
    kind = optimizer.get('type')
    of_torch = isinstance(kind, str) or getattr(kind, '__module__', '').startswith('torch.optim.')
    if of_torch and type_name(kind) in _SAME_WITH_FOREACH and 'fused' not in optimizer:
        optimizer.setdefault('foreach', True)


def share_batch(loader: Mapping[str, Any], ranks: int) -> int | None:
    """The batch size of each of the processes that train together; their sum is the batch size of the config.

    Raises:
        SetupError: The batch size is not divisible by the number of processes.
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
