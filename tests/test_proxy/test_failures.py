"""Whatever goes wrong in a proxy is an outcome with a reason, and the next trial works."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.registry import METRICS
from torch import nn

from mmautoloss.branches.branch import build_losses, require_installed
from mmautoloss.errors import SetupError, TimeLimitExceeded
from mmautoloss.execute import SerialExecutor
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxyEvaluator, require_metric
from mmautoloss.proxy.progress import Progress
from mmautoloss.testing.toy import ToyHead, ToyMetric
from mmautoloss.trial import Outcome, State
from tests.test_proxy.conftest import EXP, SINK, SQUARE, baseline, searched

Make = Callable[..., ProxyEvaluator]


def failed(evaluator: ProxyEvaluator, genome: Genome = EXP) -> Outcome:
    """The outcome of a trial that is expected to fail; checks that the next one works."""
    outcome = evaluator.evaluate(searched(genome))
    assert (outcome.state, outcome.score) == (State.FAILED, None)
    assert evaluator.evaluate(searched(SQUARE)).state is State.COMPLETE
    return outcome


@pytest.mark.parametrize('iteration', [0, 4, 7], ids=['first', 'middle', 'last'])
def test_nan_in_any_iteration_is_noticed(make_evaluator: Make, iteration: int) -> None:
    evaluator = make_evaluator({'model.faults': {'nan_at': iteration, 'where': 'exp('}})
    reason = failed(evaluator).reason
    assert reason.startswith('not finite: loss') and f'iteration {iteration + 1}' in reason


@pytest.mark.parametrize(('nan_at', 'state'), [(19, State.FAILED), (20, State.COMPLETE)], ids=['20th', '21st'])
def test_published_invalid_stop_looks_at_twenty_iterations(make_evaluator: Make, nan_at: int, state: State) -> None:
    schedule = {'type': 'IterBasedTrainLoop', 'max_iters': 24}
    faults = {'model.faults': {'nan_at': nan_at, 'where': 'exp('}}
    evaluator = make_evaluator(faults, proxy={'schedule': schedule, 'invalid_stop': 20})
    assert evaluator.evaluate(searched(EXP)).state is state


def test_weights_that_are_not_finite_count_as_failure(make_evaluator: Make) -> None:
    """Nobody looks at the losses here: the first iteration blows the weights up."""
    schedule = {'type': 'IterBasedTrainLoop', 'max_iters': 3}
    evaluator = make_evaluator(proxy={'schedule': schedule, 'invalid_stop': 0})
    blown = Genome.from_text({'cls': '-y * log(p)', 'box': 'exp(exp(exp(abs(p - y) + 1 + 1)))'})
    assert 'not finite: a weight' in failed(evaluator, blown).reason


def test_exception_in_the_model(make_evaluator: Make) -> None:
    evaluator = make_evaluator({'model.faults': {'fail_at': 2, 'where': 'exp('}})
    reason = failed(evaluator).reason
    assert reason.startswith('Traceback')
    assert reason.rstrip().endswith('RuntimeError: the toy fails in iteration 2')


def test_gpu_that_refuses_even_to_be_cleared(make_evaluator: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = make_evaluator({'model.faults': {'fail_at': 2, 'where': 'exp('}})

    def refuse() -> None:
        raise RuntimeError('CUDA error: an illegal memory access was encountered')

    monkeypatch.setattr(evaluator, 'close', refuse)
    outcome = evaluator.evaluate(searched(EXP))
    assert outcome.state is State.FAILED and 'the toy fails' in outcome.reason and evaluator.broken
    with pytest.raises(SetupError, match=r'has broken the GPU for this process(.|\n)*--resume(.|\n)*--isolate'):
        SerialExecutor(evaluator).submit(searched(SQUARE))


def test_time_of_a_suspended_process_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr('mmautoloss.proxy.progress.time.monotonic', lambda: clock[0])
    progress = Progress()
    progress.begin(limit=20.0)
    with pytest.raises(TimeLimitExceeded, match='train was at iteration 3 when the 20 s'), progress.stage('train'):
        for seconds in (5.0, 500.0, 16.0):  # the second time nobody ticked meanwhile
            clock[0] += seconds
            progress.tick() if seconds != 16.0 else None
            progress.advance()


@pytest.mark.parametrize(
    ('fault', 'reason'),
    [
        pytest.param('raise', 'RuntimeError: the toy metric raises', id='raises'),
        pytest.param('silent', "The validation gave no 'toy/score', only: nothing.", id='silent'),
        pytest.param('nan', 'not finite: toy/score is nan', id='nan'),
    ],
)
def test_metric_without_a_number(make_evaluator: Make, fault: str, reason: str) -> None:
    evaluator = make_evaluator({'val_evaluator.fault': fault})
    for _ in range(2):
        outcome = evaluator.evaluate(baseline())
        assert outcome.state is State.FAILED and reason in outcome.reason


def test_nan_besides_the_score_is_left_out(make_evaluator: Make) -> None:
    """Such as that of a class which does not occur; a journal is JSON and holds no NaN."""
    outcome = make_evaluator({'val_evaluator.fault': 'stray'}).evaluate(baseline())
    assert outcome.state is State.COMPLETE
    assert set(outcome.metrics) == {'toy/score', 'toy/error'}


@METRICS.register_module(force=True)
class WordyMetric(ToyMetric):
    """As those that also report a matrix, the score of each class, or a table as text."""

    def compute_metrics(self, results: list) -> dict[str, Any]:
        found = super().compute_metrics(results)
        others = {
            'matrix': np.eye(3),
            'each': [0.5, 0.25],
            'table': '0.5',
            'nothing': None,
            'counts': {'a': 1},
            'sparse': torch.eye(2).to_sparse(),
        }
        return {
            **others,
            **found,
            'tensor': torch.tensor([0.5]),
            'array': np.float32(0.25),
            'whole': 3,
            'passed': np.bool_(True),
            'own': others,
        }


def test_what_is_no_number_is_left_out(make_evaluator: Make) -> None:
    outcome = make_evaluator({'val_evaluator.type': 'WordyMetric'}).evaluate(baseline())
    plain = make_evaluator().evaluate(baseline())
    numbers = {'toy/tensor': 0.5, 'toy/array': 0.25, 'toy/whole': 3.0, 'toy/passed': 1.0}
    assert outcome.metrics == {**plain.metrics, **numbers} and outcome.score == plain.score


@pytest.mark.parametrize(
    ('metric', 'text'),
    [
        (
            'toy/matrix',
            "metric 'toy/matrix' must be a number, but the validation gives a ndarray; numbers are: toy/array",
        ),
        ('toy/table', "metric 'toy/table' must be a number, but the validation gives a str"),
        ('toy/scoer', "metric 'toy/scoer' is not among the results of the validation: .*toy/score"),
    ],
)
def test_metric_that_is_no_number_is_told_before_any_training(make_evaluator: Make, metric: str, text: str) -> None:
    with pytest.raises(SetupError, match=text):
        require_metric(make_evaluator({'val_evaluator.type': 'WordyMetric'}, metric=metric))


def test_hooks_that_only_write_do_nothing(make_evaluator: Make, tmp_path: Path) -> None:
    """Workers have one work dir; each Runner has a folder of its own in it."""
    hooks = [{'type': 'CheckpointHook', 'interval': 1, 'by_epoch': False}, CheckpointHook(1), {'type': 'LoggerHook'}]
    evaluators = [make_evaluator({'custom_hooks': []}), make_evaluator({'custom_hooks': hooks[::2]})]
    evaluators[1].settings.config['custom_hooks'].append(hooks[1])
    first, second = (evaluator.evaluate(baseline()) for evaluator in evaluators)
    assert first.metrics == second.metrics, second.reason
    assert not [path for path in tmp_path.rglob('*') if path.suffix == '.pth' or path.name == 'last_checkpoint']
    assert len({evaluator.runner.work_dir for evaluator in evaluators}) == 2


def test_less_is_better_is_turned_once(make_evaluator: Make) -> None:
    outcome = make_evaluator(metric='toy/error', rule='less').evaluate(baseline())
    assert outcome.score == -outcome.metrics['toy/error'] < 0


def test_branch_that_is_not_trained_as_proposed(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    branches = evaluator.settings.branches
    evaluator.evaluate(searched(SQUARE))
    model = evaluator.runner.model
    require_installed(model, SQUARE, branches)
    text = r"trains '-y \* log\(p\)' in the branch 'cls', not '\(p - y\) \*\* 2'"
    with pytest.raises(SetupError, match=text):
        require_installed(model, SINK, branches)
    model.head.loss_cls = nn.CrossEntropyLoss()
    with pytest.raises(SetupError, match="trains 'CrossEntropyLoss' in the branch 'cls'"):
        require_installed(model, SQUARE, branches)


def test_model_that_ignores_its_losses_fails(make_evaluator: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = make_evaluator()
    branch = type(evaluator.settings.branches[0])
    monkeypatch.setattr(branch, 'install', lambda *args: None)
    outcome = evaluator.evaluate(searched(SQUARE))
    assert "trains 'ToyCrossEntropy' in the branch 'cls'" in outcome.reason


def test_weights_of_branches_reach_the_losses(make_evaluator: Make) -> None:
    branches = make_evaluator().settings.branches
    losses = build_losses(SQUARE, {'cls': 2.0}, branches)
    assert (losses['cls'].loss_weight, losses['box'].loss_weight) == (2.0, 1.0)
    pred = torch.zeros(2, 4)
    assert losses['box'](pred, pred + 1, avg_factor=2).item() == pytest.approx(4.0)


def test_error_that_someone_keeps_holds_no_model_and_no_batch(
    make_evaluator: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a library or a debugger may: its traceback would hold what the next trial has no room for."""
    kept: list[BaseException] = []
    alive: list[weakref.ref] = []

    def fail(self: ToyHead, features: torch.Tensor, labels: torch.Tensor, deltas: torch.Tensor) -> dict[str, Any]:
        batch = features.detach() * 2  # of this frame alone
        alive[:] = [weakref.ref(self), weakref.ref(batch), weakref.ref(labels)]
        try:
            raise RuntimeError('CUDA out of memory')
        except RuntimeError as error:
            kept.append(ValueError('the toy fails'))
            raise kept[0] from error

    evaluator = make_evaluator()
    with monkeypatch.context() as patch:
        patch.setattr(ToyHead, 'loss', fail)
        outcome = evaluator.evaluate(searched(EXP))
    assert 'CUDA out of memory' in outcome.reason and 'the toy fails' in outcome.reason and not evaluator.broken
    assert kept[0].__traceback__ is not None and [reference() for reference in alive] == [None] * 3
    assert evaluator.evaluate(searched(SQUARE)).state is State.COMPLETE
