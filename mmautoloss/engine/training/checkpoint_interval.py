"""How often the trainings of a comparison are saved while they run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import DefaultScope

from mmautoloss.engine.config.train_length import read_length
from mmautoloss.proxy import Interim, hook_class

_FOLDER = 'checkpoints'


def interim_of(config: Config, schedule: Mapping[str, Any], folder: Path, given: int | None = None) -> Interim | None:
    """How often a training is saved.

    Args:
        config: The plain config that is trained; the interval of its ``CheckpointHook`` is taken.
        schedule: ``train_cfg`` of the training.
        folder: Where, in a subfolder.
        given: An interval in steps of the schedule instead, 0 for never.

    Returns:
        None for never, as where the interval is not shorter than the training.

    Raises:
        SetupError: The schedule has no length.
    """
    length = read_length(schedule)
    every = _interval(config, length.by_epoch) if given is None else given
    return Interim(every, str((folder / _FOLDER).absolute())) if 0 < every < length.steps else None


def _interval(config: Config, by_epoch: bool) -> int:
    """The interval of the config's ``CheckpointHook``, in epochs or iterations; 0 where it does not apply."""
    with DefaultScope.overwrite_default_scope(config.get('default_scope')):
        hooks = [hook for hook in (config.get('default_hooks') or {}).values() if _is_checkpoint(hook)]
    for hook in hooks:
        hook = hook if isinstance(hook, Mapping) else vars(hook)
        interval, counts_epochs = hook.get('interval', -1), hook.get('by_epoch', True)
        if counts_epochs and not by_epoch:
            return 0  # as MMEngine: in a training by iterations no epoch ends
        # a training by epochs goes on exactly only between two of them
        return interval if counts_epochs == by_epoch else 1 if interval > 0 else 0
    return 0


def _is_checkpoint(hook: Any) -> bool:
    kind = hook is not None and hook_class(hook)
    return isinstance(kind, type) and issubclass(kind, CheckpointHook)
