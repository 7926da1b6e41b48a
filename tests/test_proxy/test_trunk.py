"""Trainings that continue a trunk: the same as trainings that ran through, whatever came before in the process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.proxy import ProxyEvaluator
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
