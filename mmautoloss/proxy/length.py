"""Trainings of another length than that of a candidate."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.proxy.settings import ProxySettings

# Settings of a scheduler that count iterations or epochs.
_POSITIONS = ('begin', 'end', 'T_max', 'milestones', 'periods', 'step_size', 'total_iters', 'total_steps')


def lengthen(settings: ProxySettings, times: float) -> ProxySettings:
    """The settings of a training that is several times as long; schedulers are stretched with it.

    Positions are rounded to whole iterations or epochs, all alike, so that a scheduler ends with the training as before. NaN
    and Inf end it at any time, and it has no rung.

    Args:
        settings: Settings of the training of a candidate.
        times: Its length as a multiple of that; 1 changes nothing.

    Raises:
        SetupError: The schedule has no length.
    """
    if times == 1:
        return settings
    schedule = dict(settings.schedule)
    lengths = [key for key in ('max_iters', 'max_epochs') if schedule.get(key)]
    if not lengths:
        raise SetupError(f'proxy.schedule needs max_iters or max_epochs to be lengthened, but got {schedule}.')
    for key in lengths:
        schedule[key] = max(1, round(schedule[key] * times))
    config = copy.deepcopy(dict(settings.config))
    length = max(settings.schedule[key] for key in lengths)
    config['param_scheduler'] = _stretch(config.get('param_scheduler'), times, length)
    return replace(
        settings,
        config=config,
        schedule=schedule,
        invalid_stop=None,
        rung=None,
        schedulers=_stretch(settings.schedulers, times, length),
        trunk=settings.trunk and replace(settings.trunk, steps=round(settings.trunk.steps * times)),
    )


def _stretch(scheduler: Any, times: float, length: int) -> Any:
    if isinstance(scheduler, (list, tuple)):
        return [_stretch(part, times, length) for part in scheduler]
    if not isinstance(scheduler, Mapping):
        return scheduler
    return {
        key: _scale(value, times, length) if key in _POSITIONS else _stretch(value, times, length)
        for key, value in scheduler.items()
    }


def _scale(value: Any, times: float, length: int) -> Any:
    """A position in the longer training; one just behind the end of the training stays just behind it."""
    if isinstance(value, (list, tuple)):
        return [_scale(position, times, length) for position in value]
    if not isinstance(value, (int, float)):
        return value
    return round(length * times) + 1 if value == length + 1 else round(value * times)
