"""A rung looks at a training without a trace, and stops it only below the bar."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS

from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.proxy.progress import Progress
from mmautoloss.proxy.rung_hook import rung_iteration
from mmautoloss.testing.toy import ToyDetector
from mmautoloss.trial import Outcome, Role, State, Trial
from tests.test_proxy.conftest import SQUARE, baseline, digest, searched

Make = Callable[..., ProxyEvaluator]
SCHEDULE = {'type': 'IterBasedTrainLoop', 'max_iters': 12}
RUNG = {'schedule': SCHEDULE, 'rung': {'at': 4}}
PLATEAU = {'type': 'ReduceOnPlateauLR', 'monitor': 'toy/score', 'factor': 0.1, 'patience': 0, 'rule': 'less'}


@HOOKS.register_module(force=True)
class DrawingHook(Hook):
    """Draws in every validation, counts those that it sees, and once it has seen one spoils the training."""

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Draws and ends the training."""
        random.random(), np.random.rand(), torch.rand(1)
        runner.train_loop.stop_training = True

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Lets chance into the weights."""
        with torch.no_grad():
            for weight in runner.model.parameters():
                weight += 1e-4 * (random.random() + np.random.rand() + float(torch.rand(1)))


BASES = {
    'as it is': {},
    'plateau': {'param_scheduler': [PLATEAU]},
    'average of weights': {'custom_hooks': [{'type': 'EMAHook', 'momentum': 0.3}]},
    'hook that draws': {'custom_hooks': [{'type': 'DrawingHook'}]},
    'loader processes': {'val_dataloader.num_workers': 1, 'val_dataloader.persistent_workers': True},
}


def trained(evaluator: ProxyEvaluator, trial: Trial) -> tuple[Outcome, str]:
    outcome = evaluator.evaluate(trial)
    return outcome, digest(evaluator.runner.model)


@pytest.mark.parametrize('base', BASES.values(), ids=BASES)
def test_what_passes_is_trained_as_without(make_evaluator: Make, base: dict) -> None:
    plain, rung = make_evaluator(base, proxy={'schedule': SCHEDULE}), make_evaluator(base, proxy=RUNG)
    for trial in (baseline(), searched(SQUARE, seed=1), replace(searched(SQUARE), bar=-1.0)):
        (outcome, weights), (with_rung, same) = trained(plain, trial), trained(rung, trial)
        assert (with_rung.score, with_rung.metrics, same) == (outcome.score, outcome.metrics, weights)
        assert outcome.rung is None and with_rung.rung is not None
        assert set(with_rung.stages) - set(outcome.stages) == {'rung'}


def test_score_at_the_rung_is_that_of_a_training_that_ends_there(make_evaluator: Make) -> None:
    """With a rate that does not fall, a shorter training is the beginning of a longer one."""
    short = make_evaluator(proxy={'schedule': {**SCHEDULE, 'max_iters': 4}})
    assert make_evaluator(proxy=RUNG).evaluate(baseline()).rung == short.evaluate(baseline()).score


def test_below_the_bar_it_is_stopped(make_evaluator: Make) -> None:
    evaluator = make_evaluator(proxy=RUNG)
    reached = evaluator.evaluate(searched(SQUARE))
    assert evaluator.evaluate(replace(searched(SQUARE), bar=reached.rung)).state is State.COMPLETE, 'not below'
    steps: list[int] = []
    evaluator.progress.changed = lambda: steps.append(evaluator.progress.step)
    stopped = evaluator.evaluate(replace(searched(SQUARE), bar=reached.rung + 1e-9))
    assert (stopped.state, stopped.score, stopped.rung, stopped.reason) == (State.STOPPED, None, reached.rung, '')
    assert set(stopped.stages) == {'train', 'rung'} and stopped.metrics == {}
    again = evaluator.evaluate(searched(SQUARE))
    assert (again.score, again.rung) == (reached.score, reached.rung), 'the next one is not affected'


def test_less_is_better_at_the_rung_too(make_evaluator: Make) -> None:
    evaluator = make_evaluator(proxy=RUNG, metric='toy/error', rule='less')
    outcome = evaluator.evaluate(baseline())
    assert outcome.rung < outcome.score < 0


@pytest.mark.parametrize('role', [Role.FINALIST, Role.CONFIRM])
def test_finalists_are_not_looked_at(make_evaluator: Make, role: Role) -> None:
    finalist = replace(searched(SQUARE), role=role, bar=99.0)
    outcome = make_evaluator(proxy=RUNG).evaluate(finalist)
    assert (outcome.state, outcome.rung) == (State.COMPLETE, None) and 'rung' not in outcome.stages


@pytest.mark.parametrize(
    ('fault', 'why'), [('silent', "The validation gave no 'toy/score', only: "), ('nan', 'toy/score is nan')]
)
def test_without_a_score_there_it_is_stopped_where_there_is_a_bar(
    make_evaluator: Make, fault: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = make_evaluator(proxy=RUNG)
    metric = evaluator.runner.val_loop.evaluator.metrics[0]
    compute = type(metric).compute_metrics

    def only_at_the_end(results: list) -> dict[str, float]:
        metric.fault = fault if evaluator.runner.iter < 11 else None
        return compute(metric, results)

    monkeypatch.setattr(metric, 'compute_metrics', only_at_the_end)
    watched = evaluator.evaluate(searched(SQUARE))
    assert (watched.state, watched.rung) == (State.COMPLETE, None) and 'rung' in watched.stages
    stopped = evaluator.evaluate(replace(searched(SQUARE), bar=-99.0))
    assert (stopped.state, stopped.score, stopped.rung) == (State.STOPPED, None, None)
    assert stopped.reason.startswith(f'no score at the rung: {why}') and set(stopped.stages) == {'train', 'rung'}
    again = evaluator.evaluate(searched(SQUARE))
    assert (again.score, again.metrics) == (watched.score, watched.metrics), 'the next one is not affected'


def test_weights_that_are_not_finite_end_it_at_the_rung(make_evaluator: Make) -> None:
    evaluator = make_evaluator(proxy={**RUNG, 'invalid_stop': 0, 'rung': {'at': 2}})
    blown = searched(type(SQUARE).from_text({'cls': '-y * log(p)', 'box': 'exp(exp(exp(abs(p - y) + 1 + 1)))'}))
    outcome = evaluator.evaluate(blown)
    assert outcome.state is State.FAILED and 'not finite: a weight of the model at the rung' in outcome.reason


def test_failure_after_the_rung_keeps_its_score(make_evaluator: Make) -> None:
    evaluator = make_evaluator({'model.faults': {'fail_at': 8}}, proxy=RUNG)
    outcome = evaluator.evaluate(baseline())
    assert outcome.state is State.FAILED and outcome.rung is not None


@pytest.mark.parametrize(
    ('at', 'iterations', 'found'),
    [(0.3, 160, 48), (0.3, 10, 3), (0.01, 10, 1), (5, 10, 5), (10, 10, None), (0.99, 10, None), (12, 10, None)],
)
def test_where_the_rung_is(at: float, iterations: int, found: int | None) -> None:
    assert rung_iteration(at, iterations) == found


def test_epochs_are_counted_in_iterations(make_evaluator: Make) -> None:
    base = {'train_dataloader.sampler': {'type': 'DefaultSampler', 'shuffle': True}, 'param_scheduler': None}
    schedule = {'type': 'EpochBasedTrainLoop', 'max_epochs': 2}
    plain, rung = (
        make_evaluator(base, proxy={'schedule': schedule, **given}) for given in ({}, {'rung': {'at': 0.75}})
    )
    (outcome, weights), (with_rung, same) = trained(plain, baseline()), trained(rung, baseline())
    assert (with_rung.score, same) == (outcome.score, weights) and with_rung.rung is not None


def test_time_of_the_rung_is_not_that_of_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr('mmautoloss.proxy.progress.time.monotonic', lambda: clock[0])
    progress = Progress()
    progress.begin()
    with progress.stage('train'):
        clock[0] += 5
        progress.advance()
        with progress.stage('rung'):
            progress.advance()
            clock[0] += 2
            assert (progress.phase, progress.step) == ('rung', 1)
        assert (progress.phase, progress.step) == ('train', 1)
        clock[0] += 4
    assert progress.stages == {'rung': 2.0, 'train': 9.0} and progress.phase == 'idle'


@MODELS.register_module(force=True)
class ForgetfulToy(ToyDetector):
    """Its losses grow with its calls, validations among them."""

    calls = 0

    def forward(self, *args: Any, mode: str = 'tensor', **kwargs: Any) -> Any:
        self.calls += 1
        found = super().forward(*args, mode=mode, **kwargs)
        return {name: value * self.calls for name, value in found.items()} if mode == 'loss' else found


def test_what_the_model_counts_in_the_validation_is_forgotten(make_evaluator: Make) -> None:
    (plain, weights), (watched, same) = (
        trained(make_evaluator({'model.type': 'ForgetfulToy'}, proxy=proxy), baseline())
        for proxy in ({'schedule': SCHEDULE}, RUNG)
    )
    assert watched.rung is not None and watched.score == plain.score and same == weights
