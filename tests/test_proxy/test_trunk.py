"""Trainings that continue a trunk: the same as trainings that ran through, whatever came before in the process."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip('mmengine')

from mmengine.registry import DATASETS, PARAM_SCHEDULERS

from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.proxy.length import lengthen
from mmautoloss.testing.toy import ToyScenes
from mmautoloss.trial import Outcome, Role, Saved, State, Trial
from tests.test_proxy.conftest import SQUARE, baseline, digest, searched

BY_EPOCH = {'type': 'EpochBasedTrainLoop', 'max_epochs': 4}
COSINE = [
    {'type': 'LinearLR', 'start_factor': 0.1, 'by_epoch': False, 'begin': 0, 'end': 5},
    {'type': 'CosineAnnealingLR', 'by_epoch': False, 'begin': 5, 'end': 20, 'eta_min': 0},
]
SCHEDULED = {'at': 0.6, 'rate': 'scheduled'}

Make = Callable[..., ProxyEvaluator]


def evaluator_of(make: Make, begin: Any, schedule: dict | None = None, **base: Any) -> ProxyEvaluator:
    dotted = {key.replace('__', '.'): value for key, value in base.items()}
    base = {'param_scheduler': COSINE, 'optim_wrapper.optimizer': {'type': 'AdamW', 'lr': 0.01}, **dotted}
    return make(base, proxy={'schedule': schedule, 'begin': begin})


def trunk(evaluator: ProxyEvaluator, seed: int = 0) -> Saved:
    outcome = evaluator.evaluate(Trial(0, Role.TRUNK, seed))
    assert outcome.state is State.COMPLETE, outcome.reason
    assert outcome.saved is not None
    return outcome.saved


def continued(evaluator: ProxyEvaluator, trial: Trial, saved: Saved) -> tuple[Outcome, str]:
    outcome = evaluator.evaluate(replace(trial, begin=saved))
    return outcome, digest(evaluator.runner.model)


FINITE = {'type': 'DefaultSampler', 'shuffle': True}
EMA = [{'type': 'EMAHook', 'momentum': 0.1}]


@pytest.mark.parametrize(
    ('schedule', 'base'),
    [
        pytest.param(None, {}, id='by iterations'),
        pytest.param(BY_EPOCH, {'train_dataloader__sampler': FINITE}, id='by epochs'),
        pytest.param(None, {'custom_hooks': EMA}, id='averaged weights'),
        pytest.param(None, {'optim_wrapper__accumulative_counts': 3}, id='accumulated gradients'),
    ],
)
@pytest.mark.parametrize('seed', [0, 7])
def test_hand_made_losses_after_a_trunk_are_a_plain_training(
    make_evaluator: Make, tmp_path: Path, seed: int, schedule: dict | None, base: dict
) -> None:
    evaluator = evaluator_of(make_evaluator, SCHEDULED, schedule, **base)
    plain = evaluator.evaluate(Trial(0, Role.PLAIN, seed))
    weights = digest(evaluator.runner.model)
    saved = trunk(evaluator, seed)
    evaluator.evaluate(replace(searched(SQUARE, seed), begin=saved))  # leaves no trace
    outcome, late = continued(evaluator, baseline(seed), saved)
    assert (late, outcome.score) == (weights, plain.score)
    other = ProxyEvaluator(evaluator.settings)
    assert continued(other, baseline(seed), saved)[1] == weights, 'in another process, too'
    other.close()


def test_saved_iterations(make_evaluator: Make) -> None:
    saved = trunk(evaluator_of(make_evaluator, SCHEDULED), 3)
    assert (saved.name, saved.iterations) == ('seed_3.pth', 12)


@DATASETS.register_module(force=True)
class NoisyScenes(ToyScenes):
    """Scenes to which a transform adds random noise, and which count how often they are read."""

    reads = 0

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        type(self).reads += 1
        sample = super().__getitem__(index)
        return {**sample, 'x': sample['x'] + 0.1 * torch.from_numpy(np.random.randn(*sample['x'].shape)).float()}


NOISY = {'train_dataloader__dataset__type': 'NoisyScenes'}


@pytest.mark.parametrize(
    'base',
    [
        pytest.param({}, id='endless sampler'),
        pytest.param({'train_dataloader__sampler': FINITE}, id='sampler that ends'),
        pytest.param({'optim_wrapper__accumulative_counts': 7}, id='gradients accumulated over the end of the trunk'),
    ],
)
def test_random_transforms_are_drawn_as_in_a_plain_training(
    make_evaluator: Make, monkeypatch: pytest.MonkeyPatch, base: dict
) -> None:
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda seconds: None)
    evaluator = evaluator_of(make_evaluator, SCHEDULED, None, **NOISY, **base)
    evaluator.settings = evaluator._present = replace(evaluator.settings, prove=False)
    plain = evaluator.evaluate(Trial(0, Role.PLAIN, 3))
    weights = digest(evaluator.runner.model)
    saved = trunk(evaluator, 3)
    NoisyScenes.reads = 0
    outcome, late = continued(evaluator, baseline(3), saved)
    assert (late, outcome.score) == (weights, plain.score)
    assert NoisyScenes.reads == 4 * (20 - saved.iterations), 'nothing of the trunk is read again'


@pytest.mark.parametrize('kind', ['SGD', 'AdamW', 'Adagrad'])
def test_new_state_of_the_optimiser(make_evaluator: Make, kind: str) -> None:
    optimizer = {'type': kind, 'lr': 0.01, **({'momentum': 0.9} if kind == 'SGD' else {})}
    settings = {'optim_wrapper__optimizer': optimizer}
    scores = set()
    for choice in ('keep', 'new'):
        evaluator = evaluator_of(make_evaluator, {**SCHEDULED, 'optimizer': choice}, None, **settings)
        outcome, late = continued(evaluator, baseline(), trunk(evaluator))
        assert outcome.state is State.COMPLETE, outcome.reason
        scores.add(late)
    assert len(scores) == 2


@pytest.mark.parametrize('times', [1, 3, 10])
def test_the_rate_falls_to_the_end_at_any_length(make_evaluator: Make, times: int) -> None:
    """Iteration k of the n after the trunk has 1 - k / n of the rate."""
    evaluator = evaluator_of(make_evaluator, {'at': 0.8})
    settings = lengthen(evaluator.settings, times)
    steps, length = settings.trunk.steps, settings.schedule['max_iters']
    assert (steps, length) == (16 * times, 20 * times)
    parameter = torch.nn.Parameter(torch.zeros(1))
    sgd = torch.optim.SGD([parameter], lr=1.0)
    schedulers = [
        PARAM_SCHEDULERS.build(copy.deepcopy(each), default_args={'optimizer': sgd}) for each in settings.schedulers
    ]
    rates = []
    for _ in range(length):
        rates.append(sgd.param_groups[0]['lr'])
        sgd.step()
        for scheduler in schedulers:
            scheduler.step()
    rest = length - steps
    assert rates[steps:] == pytest.approx([1 - k / rest for k in range(rest)])
    assert rates[steps - 1] == pytest.approx(1.0)
