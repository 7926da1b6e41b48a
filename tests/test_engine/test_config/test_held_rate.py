"""Rates of whole trainings by MMEngine's own schedulers: the warm-up of the base, then constant, then a line to 0."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from mmengine.optim import LinearLR
from mmengine.registry import PARAM_SCHEDULERS

from mmautoloss.engine.config.held_rate import hold_rate
from mmautoloss.engine.config.train_length import TrainLength, read_length
from mmautoloss.errors import SetupError

RATE, MOMENTUM = 0.1, 0.9
ITERATIONS = {'type': 'IterBasedTrainLoop', 'max_iters': 40}
EPOCHS = {'type': 'EpochBasedTrainLoop', 'max_epochs': 5}
OF_EPOCH = 8
"""Iterations of an epoch."""


def values(schedulers: Any, by_epoch: bool, name: str = 'lr') -> list[float]:
    """The rate, or the momentum, of the iterations of a training, stepped as MMEngine's ``ParamSchedulerHook`` does."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE, MOMENTUM)
    optimizer.step()
    entries = [schedulers] if isinstance(schedulers, dict) else schedulers or []
    defaults = {'optimizer': optimizer, 'epoch_length': OF_EPOCH}
    built = [PARAM_SCHEDULERS.build(copy.deepcopy(entry), default_args=defaults) for entry in entries]
    seen = []
    for iteration in range(40):
        seen.append(optimizer.param_groups[0][name])
        ends_epoch = by_epoch and iteration % OF_EPOCH == OF_EPOCH - 1
        for scheduler in built:
            if not scheduler.by_epoch or ends_epoch:
                scheduler.step()
    return seen


WARM_UPS = {
    'none': None,
    'a line': [{'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'begin': 0, 'end': 5}],
    'a line by default factors': {'type': 'LinearLR', 'by_epoch': False, 'end': 4},
    'a class': [{'type': LinearLR, 'start_factor': 0.5, 'by_epoch': False, 'end': 3}],
    'a low start': [{'type': 'ConstantLR', 'factor': 0.1, 'by_epoch': False, 'end': 6}],
}


@pytest.mark.parametrize('train_cfg', [ITERATIONS, EPOCHS], ids=['iterations', 'epochs'])
@pytest.mark.parametrize('warm_up', WARM_UPS.values(), ids=WARM_UPS)
def test_the_rate_of_a_whole_training(warm_up: Any, train_cfg: dict[str, Any]) -> None:
    by_epoch = train_cfg is EPOCHS
    decays = [
        {'type': 'MultiStepLR', 'milestones': [2, 3] if by_epoch else [16, 24], 'by_epoch': by_epoch},
        {'type': 'LinearLR', 'start_factor': 1.0, 'end_factor': 0.5, 'by_epoch': False, 'end': 20},
        {'type': 'CosineAnnealingLR', 'by_epoch': False, 'begin': 8, 'end': 40},
    ]
    entries = [warm_up] if isinstance(warm_up, dict) else warm_up or []
    held = values(hold_rate([*entries, *decays], train_cfg, 0.8), by_epoch)
    assert held[:32] == pytest.approx(values(entries, by_epoch)[:32])
    assert held[6:33] == pytest.approx([RATE] * 27)
    steps = 7 if by_epoch else 8
    assert held[32:] == pytest.approx([RATE * (1 - step / steps) for step in range(8)])


def test_a_share_within_an_epoch_is_the_nearest_epoch() -> None:
    (fall,) = hold_rate(None, EPOCHS, 0.7)  # 3.5 epochs of 5
    assert (fall['begin'], fall['end']) == (4, 5)
    assert read_length({'by_epoch': True, 'max_epochs': 12}) == TrainLength(12, True)


def test_schedulers_of_other_values_stay() -> None:
    momentum = {'type': 'LinearMomentum', 'start_factor': 1.0, 'end_factor': 0.5, 'by_epoch': False, 'end': 40}
    same = {**momentum, 'type': 'LinearParamScheduler', 'param_name': 'momentum'}
    rate = {'type': 'LinearParamScheduler', 'param_name': 'lr', 'by_epoch': False, 'end': 4}
    assert hold_rate([momentum, same, rate], ITERATIONS, 0.9)[:-1] == [momentum, same, rate]
    held = hold_rate(momentum, ITERATIONS, 0.9)
    assert values(held, False, 'momentum')[-1] == pytest.approx(MOMENTUM / 2)
    assert values(held, False)[-1] == pytest.approx(RATE / 4)


def test_the_base_is_not_changed() -> None:
    base = [{'type': 'LinearLR', 'by_epoch': False, 'end': 4}, {'type': 'mmdet.QuadraticWarmupLR', 'end': 1}]
    before = copy.deepcopy(base)
    assert hold_rate(base, ITERATIONS, 0.5)[:2] == before
    assert base == before


ERRORS = {
    'one cycle': (
        {'type': 'OneCycleLR', 'eta_max': 1},
        ITERATIONS,
        0.9,
        'OneCycleLR cannot be held.*--hold',
    ),
    'unknown': ({'type': 'MyLR'}, ITERATIONS, 0.9, 'MyLR cannot be held'),
    'optimisers': ({'a': [], 'b': []}, ITERATIONS, 0.9, r'several optimisers \(a, b\).*--hold'),
    'no dicts': (3, ITERATIONS, 0.9, 'param_scheduler must be a dict'),
    'no length': (None, {'type': 'IterBasedTrainLoop'}, 0.9, 'must have a positive max_iters or max_epochs'),
    'long': ({'type': 'LinearLR', 'by_epoch': False, 'end': 37}, ITERATIONS, 0.9, 'ends at 37, but .* fall from 36'),
    'endless': ({'type': 'ConstantLR', 'by_epoch': False}, ITERATIONS, 0.9, 'ConstantLR ends at 40'),
    'no share': (None, ITERATIONS, 1.0, 'at must be a share of the training, between 0 and 1'),
    'no number': (None, ITERATIONS, '0.9', 'at must be a number'),
    'too late': (None, EPOCHS, 0.95, 'at=0.95 of 5 epochs must leave some before it and some after it, but is at 5'),
    'too early': (None, ITERATIONS, 0.01, 'at=0.01 of 40 iterations .* but is at 0'),
}


@pytest.mark.parametrize(('schedulers', 'train_cfg', 'at', 'error'), ERRORS.values(), ids=ERRORS)
def test_one_clear_error(schedulers: Any, train_cfg: dict[str, Any], at: Any, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        hold_rate(schedulers, train_cfg, at)
