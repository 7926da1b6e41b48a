"""A longer trial is the training of a plain Runner with the longer config, whatever was trained before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.branches import install_losses
from mmautoloss.errors import SetupError
from mmautoloss.proxy import ProxyEvaluator, lengthen
from mmautoloss.testing.plain_training import GivenWeightsHook
from mmautoloss.testing.toy_searches import BASE, changed
from mmautoloss.trial import Role, State, Trial
from tests.test_proxy.conftest import SINK, SQUARE, baseline, digest, searched, toy_settings

Make = Callable[..., ProxyEvaluator]
LONGER = replace(searched(SQUARE, seed=1, number=9), role=Role.LONGER, repeats=4, times=2.5)
HAND_MADE = Trial(9, Role.LONGER, 0, repeats=0, times=2.5)
ITERATIONS, WARM_UP = 20, 12
"""Eight iterations and a warm-up of five, 2.5 times as long."""


def trained(evaluator: ProxyEvaluator, trial: Trial) -> tuple[dict[str, float], str]:
    outcome = evaluator.evaluate(trial)
    assert outcome.state is State.COMPLETE, outcome.reason
    return dict(outcome.metrics), digest(evaluator.runner.model)


@pytest.mark.parametrize('trial', [LONGER, HAND_MADE], ids=['searched', 'hand-made'])
def test_longer_trial_is_that_of_a_plain_runner(make_evaluator: Make, trial: Trial, tmp_path: Path) -> None:
    fresh = {'custom_hooks': [{'type': 'FreshRandomHook'}]}
    evaluator = make_evaluator(fresh)
    evaluator.evaluate(searched(SINK))
    metrics, weights = trained(evaluator, trial)

    longer = {
        'train_cfg.max_iters': ITERATIONS,
        'train_cfg.val_interval': ITERATIONS,
        'param_scheduler': [{**BASE['param_scheduler'][0], 'end': WARM_UP}],
        **fresh,
    }
    plain = Config(changed(BASE, longer))
    plain.randomness = {'seed': trial.seed}
    plain.work_dir, plain.experiment_name = str(tmp_path / 'plain'), f'{tmp_path.name}_{trial.number}'
    runner = Runner.from_cfg(plain)
    runner.register_hook(GivenWeightsHook(evaluator.runner.initial_state(trial.seed)))
    install_losses(trial, evaluator.settings.branches, runner.model)
    runner.train()
    assert digest(runner.model) == weights
    assert runner.val_loop.run().items() >= metrics.items()


def test_lengths_in_turn_leave_no_trace(make_evaluator: Make) -> None:
    short, long = baseline(), replace(HAND_MADE, times=3)
    fresh = [trained(make_evaluator(), trial) for trial in (short, long, LONGER)]
    evaluator = make_evaluator()
    for number in (0, 1, 2, 0, 2, 1):
        assert trained(evaluator, (short, long, LONGER)[number]) == fresh[number]
    assert len({weights for _, weights in fresh}) == 3, 'they differ at all'


def test_one_runner_a_length(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    evaluator.evaluate(LONGER)
    first = evaluator.runner
    evaluator.evaluate(replace(LONGER, seed=5))
    assert evaluator.runner is first
    evaluator.evaluate(baseline())
    assert evaluator.runner is not first


def test_longer_trial_has_no_rung(make_evaluator: Make) -> None:
    evaluator = make_evaluator(proxy__rung={'at': 0.5, 'keep': 0.5, 'least': 1})
    assert evaluator.evaluate(baseline()).rung is not None
    outcome = evaluator.evaluate(LONGER)
    assert outcome.rung is None and 'rung' not in outcome.stages


def test_proof_of_a_process_that_begins_with_a_longer_trial(make_evaluator: Make) -> None:
    """As after a resume: its first iterations are repeated at its own length."""
    evaluator = make_evaluator()
    assert evaluator.evaluate(LONGER).leak == '' and not evaluator.spent
    assert 'prove' in evaluator.progress.stages
    evaluator.evaluate(baseline())
    assert 'prove' not in evaluator.progress.stages, 'once a process'


@pytest.mark.parametrize(
    ('times', 'iterations', 'end'), [(1.5, 12, 8), (1.1, 9, 6), (2.06, 16, 10), (10, 80, 50), (1.01, 8, 5)]
)
def test_fractions_are_rounded(tmp_path: Path, times: float, iterations: int, end: int) -> None:
    longer = lengthen(toy_settings(tmp_path), times)
    assert longer.schedule['max_iters'] == iterations
    assert [each['end'] for each in longer.config['param_scheduler']] == [end]


@pytest.mark.parametrize('length', [7, 8, 15, 99])
@pytest.mark.parametrize('times', [1.5, 2.3, 3, 7.77])
def test_scheduler_that_ends_with_the_training_still_does(tmp_path: Path, length: int, times: float) -> None:
    settings = toy_settings(tmp_path)
    schedulers = [
        {'type': 'LinearLR', 'begin': 0, 'end': 3},
        {'type': 'CosineAnnealingLR', 'begin': 3, 'end': length, 'T_max': length},
    ]
    config = {**settings.config, 'param_scheduler': schedulers}
    longer = lengthen(replace(settings, config=config, schedule={**settings.schedule, 'max_iters': length}), times)
    first, second = longer.config['param_scheduler']
    assert second['end'] == second['T_max'] == longer.schedule['max_iters'] and first['end'] == second['begin']


def test_same_length_changes_nothing(tmp_path: Path) -> None:
    settings = toy_settings(tmp_path)
    assert lengthen(settings, 1) is settings
    assert lengthen(replace(settings, invalid_stop=3, rung=0.5), 2).invalid_stop is None


def test_schedule_without_a_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match='needs max_iters or max_epochs to be lengthened'):
        lengthen(replace(toy_settings(tmp_path), schedule={'type': 'OwnLoop'}), 2)
