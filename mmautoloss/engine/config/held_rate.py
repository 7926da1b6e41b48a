"""A learning rate that is held after its warm-up, and falls to 0 in the last part of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmautoloss.engine.config.train_length import TrainLength, read_length
from mmautoloss.errors import SetupError
from mmautoloss.proxy import type_name

_WITHOUT = "keep the schedule of the config (leave out --hold, or set proxy.begin.rate='scheduled')"
_LOWERING = ('Step', 'MultiStep', 'Exponential', 'CosineAnnealing', 'CosineRestart', 'Poly', 'ReduceOnPlateau')
_FACTORS = {'Linear': ('start_factor', 'end_factor'), 'Constant': ('factor', '')}
"""Schedulers that raise or lower the rate, with the arguments for the factors of their beginning and end."""

_SUFFIXES = ('LR', 'ParamScheduler')
_THIRD = 1 / 3


def hold_rate(schedulers: Any, train_cfg: Mapping[str, Any], at: float) -> list[Any]:
    """Schedulers of a training that holds its rate until a share of it is over.

    The schedulers that warm up stay, and so do those of other values than the rate (such as the momentum). All others are
    replaced by a line from the rate to 0: iteration k of the n after the switch has ``1 - k / n`` of the rate. Counted in
    epochs, it is ``1 - k / (n - 1)`` with the n iterations of these epochs.

    Args:
        schedulers: ``param_scheduler`` of a plain config: a dict, a list of dicts, or None.
        train_cfg: Its ``train_cfg``, which says the length of the training.
        at: The share of the training after which the rate falls, between 0 and 1.

    Returns:
        The new ``param_scheduler``.

    Raises:
        SetupError: The rate cannot be held: a scheduler is unknown or is one cycle, there is one of each optimiser,
            a warm-up lasts longer, or the length or share is invalid.
    """
    length = read_length(train_cfg)
    switch = length.step(at)
    kept = [entry for entry in _entries(schedulers) if _is_kept(entry)]
    for entry in kept:
        if _of_rate(entry):
            _require_end(entry, length, switch)
    return [*kept, falling_rate(length, switch)]


def falling_rate(length: TrainLength, switch: int, factor: float = 1.0) -> dict[str, Any]:
    """The scheduler of a rate that falls to 0 on a line.

    Args:
        length: The length of the training.
        switch: The step at which it begins to fall.
        factor: The share of the rate at which it begins.
    """
    line = {
        'type': 'LinearLR',
        'start_factor': factor,
        'end_factor': 0.0,
        'by_epoch': length.by_epoch,
        'begin': switch,
    }
    if length.by_epoch:
        return {**line, 'end': length.steps, 'convert_to_iter_based': True}
    return {**line, 'end': length.steps + 1}  # MMEngine reaches the end factor at end - 1; 0 there would waste a step


def _entries(schedulers: Any) -> list[Mapping[str, Any]]:
    if schedulers is None:
        return []
    if isinstance(schedulers, Mapping) and 'type' not in schedulers:
        raise SetupError(
            f'param_scheduler has schedulers of several optimisers ({", ".join(schedulers)}), which cannot be held: '
            f'{_WITHOUT}.'
        )
    entries = [schedulers] if isinstance(schedulers, Mapping) else schedulers
    if not isinstance(entries, Sequence) or not all(isinstance(entry, Mapping) for entry in entries):
        raise SetupError(f'param_scheduler must be a dict or a list of dicts, but got {schedulers!r}.')
    return list(entries)


def _is_kept(entry: Mapping[str, Any]) -> bool:
    """Whether a scheduler warms up, or is none of the rate."""
    name = type_name(entry.get('type'))
    kind = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), '')
    if not _of_rate(entry) or kind == 'QuadraticWarmup':
        return True
    if kind in _LOWERING:
        return False
    if kind in _FACTORS:
        start, end = _FACTORS[kind]
        return bool(entry.get(start, _THIRD) < entry.get(end, 1.0))
    raise SetupError(f'The rate of {name or entry} cannot be held, since its warm-up is not known: {_WITHOUT}.')


def _of_rate(entry: Mapping[str, Any]) -> bool:
    """Whether a scheduler changes the rate."""
    return not type_name(entry.get('type')).endswith('Momentum') and entry.get('param_name', 'lr') == 'lr'


def _require_end(entry: Mapping[str, Any], length: TrainLength, switch: int) -> None:
    """Checks that a warm-up is over at the switch, where both count the same steps."""
    if entry.get('by_epoch', True) != length.by_epoch:
        return
    end = entry.get('end', length.steps)
    if end > switch:
        raise SetupError(
            f'The warm-up by {type_name(entry["type"])} ends at {end}, but the rate shall fall from {switch}: '
            f'give it an earlier end, or {_WITHOUT}.'
        )
