"""Trainings of a base config as its libraries' launchers do them: a batch a GPU, and the learning rate that fits."""

from __future__ import annotations

import copy
from dataclasses import replace

from mmengine.config import Config

from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.train_test import scale_learning_rate
from mmautoloss.errors import SetupError


def at_scale(spec: SearchSpec, gpus: int | None, scale_lr: bool) -> SearchSpec:
    """A search whose base config is trained on several GPUs; its rows name another batch or rate with the network.

    Args:
        spec: The search.
        gpus: GPUs that train together, each with the batch of the config; None as the search says, with that batch in all.
        scale_lr: Whether the learning rate follows the batch of all GPUs, by ``auto_scale_lr`` of the config.

    Raises:
        SetupError: The config has no batch of a GPU, or does not say for which its learning rate is.
    """
    base, execute, told = copy.deepcopy(spec.base), spec.execute, [spec.describe.network]
    if gpus is not None:
        execute = replace(execute, gpus_per_candidate=gpus)
        if gpus > 1:
            base.train_dataloader.batch_size = _batch_of(base) * gpus
            told.append(f'batch {_batch_of(base)}')
    if scale_lr:
        scale_learning_rate(base)
        told.append('rate scaled')
    return replace(spec, base=base, execute=execute, describe=replace(spec.describe, network=', '.join(told)))


def _batch_of(base: Config) -> int:
    batch = base.train_dataloader.get('batch_size')
    if not isinstance(batch, int):
        raise SetupError(
            f'--gpus needs train_dataloader.batch_size, the batch of each GPU, but the config has {batch!r} there.'
        )
    return batch


def unscaled_rate(base: Config) -> str:
    """What to know where the learning rate of a config is for other batches than its own; '' where it fits."""
    scale = base.get('auto_scale_lr') or {}
    meant, given = scale.get('base_batch_size'), base.train_dataloader.get('batch_size')
    if scale.get('enable') or not isinstance(meant, int) or meant == given:
        return ''
    return (
        f'The learning rate of the config is for batches of {meant} images (auto_scale_lr), but each of these has {given}: '
        '--auto-scale-lr makes it fit, and --gpus the batch larger.'
    )
