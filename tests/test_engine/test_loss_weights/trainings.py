"""Trainings of the toy with hooks that set weights of losses."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

import mmautoloss.testing.toy  # noqa: F401  # registers it
from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.testing.toy_searches import BASE, changed

PICTURES = {
    'batch_size': 8,
    'collate_fn': {'type': 'default_collate'},
    'dataset': {'type': 'ToyScenes', 'length': 16, 'seed': 7},
}
"""Pictures that are held back."""


def train(
    folder: Path, options: dict[str, Any], hooks: list[Any], length: int, resume: Path | None = None, keep: int = 999
) -> Runner:
    """Trains the toy, without what is random in its steps, and keeps checkpoints."""
    loop = {'type': 'IterBasedTrainLoop', 'max_iters': length, 'val_interval': 999}
    base = {'model.plain': True, 'randomness': {'seed': 4}, 'train_cfg': loop, **options}
    cfg = Config(changed(BASE, base) | {'work_dir': str(folder), 'experiment_name': str(folder)})
    every = {'type': 'CheckpointHook', 'interval': keep, 'by_epoch': False}
    cfg.custom_hooks = [*(copy.deepcopy(hook) for hook in hooks if isinstance(hook, dict)), every]
    cfg.resume, cfg.load_from = resume is not None, resume and str(resume)
    runner = Runner.from_cfg(cfg)
    allow_mmengine_checkpoints()
    for hook in hooks:
        if isinstance(hook, Hook):
            runner.register_hook(hook)
    runner.train()
    return runner
