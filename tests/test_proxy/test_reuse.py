"""One Runner for many candidates gives what a fresh process gives, bit for bit."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.trial import Outcome, State, Trial
from tests.isolation import ROOT
from tests.test_proxy.conftest import EXP, SINK, SQUARE, baseline, digest, searched

Make = Callable[..., ProxyEvaluator]

FRESH = """
import json, sys
import torch
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.trial import Trial
torch.set_num_threads(1)
evaluator = ProxyEvaluator(spec_of(load_search_config(sys.argv[1], sys.argv[2])).proxy)
outcome = evaluator.evaluate(Trial.from_json(json.loads(sys.argv[3])))
torch.save(evaluator.runner.model.state_dict(), sys.argv[4])
print(json.dumps(dict(outcome.metrics)))
"""


def measure(evaluator: ProxyEvaluator, trial: Trial) -> tuple[dict[str, float], str]:
    outcome = evaluator.evaluate(trial)
    assert outcome.state is State.COMPLETE, outcome.reason
    return dict(outcome.metrics), digest(evaluator.runner.model)


@pytest.mark.parametrize(
    ('trial', 'between'),
    [
        pytest.param(searched(SQUARE), [searched(SINK)], id='searched'),
        pytest.param(baseline(), [searched(SINK), searched(SQUARE)], id='hand-made'),
        pytest.param(searched(SQUARE, seed=1), [baseline(), baseline(seed=2)], id='seeds'),
        # more seeds than initial weights are kept
        pytest.param(baseline(), [baseline(seed=k) for k in range(1, 7)], id='many seeds'),
    ],
)
def test_what_was_between_leaves_no_trace(make_evaluator: Make, trial: Trial, between: list[Trial]) -> None:
    evaluator = make_evaluator()
    first = measure(evaluator, trial)
    others = [measure(evaluator, other) for other in between]
    assert first not in others, 'the trials differ at all'
    assert measure(evaluator, trial) == first


def test_fresh_process_gives_the_same(make_evaluator: Make, tmp_path: Path) -> None:
    evaluator = make_evaluator()
    for trial in (baseline(), searched(SINK, seed=1)):
        evaluator.evaluate(trial)
    config, weights = write_toy(tmp_path / 'fresh'), tmp_path / 'weights.pt'
    trial = json.dumps(searched(SQUARE, seed=1).to_json())
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, '-c', FRESH, str(config), str(tmp_path), trial, str(weights)],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': path},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    metrics, _ = measure(evaluator, searched(SQUARE, seed=1))
    assert metrics == json.loads(done.stdout.splitlines()[-1])
    fresh, reused = torch.load(weights, weights_only=True), evaluator.runner.model.state_dict()
    assert fresh.keys() == reused.keys()
    assert all(torch.equal(fresh[name], reused[name]) for name in fresh)


def test_seed_changes_weights_and_data(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    assert measure(evaluator, baseline(0)) != measure(evaluator, baseline(1))


@pytest.mark.parametrize('faults', [{'fail_at': 3}, {'nan_at': 3}], ids=['crash', 'NaN'])
def test_failure_leaves_no_trace(make_evaluator: Make, faults: dict) -> None:
    evaluator = make_evaluator({'model.faults': {**faults, 'where': 'exp('}})
    first = measure(evaluator, searched(SQUARE))
    assert evaluator.evaluate(searched(EXP)).state is State.FAILED
    assert measure(evaluator, searched(SQUARE)) == first


def counts() -> dict[str, int]:
    gc.collect()
    managers = (MMLogger, MessageHub, Visualizer, DefaultScope)
    sizes = {manager.__name__: len(manager._instance_dict) for manager in managers}
    files = Path('/proc/self/fd')
    return {**sizes, 'files': len(list(files.iterdir())) if files.exists() else 0}


def test_nothing_grows_from_trial_to_trial(make_evaluator: Make) -> None:
    """Managers and log files of MMEngine outlive their Runner unless they are put away."""
    evaluator = make_evaluator({'model.faults': {'fail_at': 1, 'where': 'exp('}})
    before = counts()
    outcomes: list[Outcome] = [evaluator.evaluate(baseline())]
    warm = counts()
    for number in range(8):
        trial = searched((SQUARE, SINK, EXP, SQUARE)[number % 4], seed=number % 3)
        outcomes.append(evaluator.evaluate(trial))
    assert [outcome.state for outcome in outcomes].count(State.FAILED) == 2
    assert counts() == warm
    evaluator.close()
    assert counts() == before


def test_state_of_the_search_around_it_stays(make_evaluator: Make) -> None:
    hub = MessageHub.get_instance('a-search-around')
    try:
        evaluator = make_evaluator()
        evaluator.evaluate(baseline())
        evaluator.close()
        assert MessageHub._instance_dict['a-search-around'] is hub
    finally:
        MessageHub._instance_dict.pop('a-search-around')


def test_losses_are_the_installed_ones(make_evaluator: Make) -> None:
    evaluator = make_evaluator()
    evaluator.evaluate(searched(SQUARE))
    head = evaluator.runner.model.head
    assert (head.loss_cls.expression, head.loss_box.expression) == tuple(SQUARE.to_text().values())
    assert head.loss_cls.loss_weight == 0.75
    evaluator.evaluate(baseline())
    assert type(evaluator.runner.model.head.loss_cls) is type(evaluator.hand_made['cls'])
    assert isinstance(evaluator.hand_made['box'], torch.nn.Module)
