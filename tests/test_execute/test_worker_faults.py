"""Faults that strike a worker process for real: what is promised in docs/reliability.md.

A fault that strikes once leaves the outcome as it would have been without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from mmautoloss.engine import spec_of
from mmautoloss.execute import Limits, LocalExecutor
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Outcome, State
from tests.test_execute.conftest import DEADLY, GOOD, searched

LIMIT = 240
QUICK = Limits(silence=4.0, stall=8.0, retries=3)  # a busy machine may lose a worker more

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='stops and kills processes as Linux does'),
]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., LocalExecutor]]:
    """Executors of one worker in which something goes wrong."""
    made = []

    def build(faults: dict[str, Any], limits: Limits | None = None, **base: Any) -> LocalExecutor:
        settings = spec_of(toy_config(tmp_path, base={'model.faults': faults, **base})).proxy
        made.append(LocalExecutor(settings, workers=1, threads=1, limits=limits))
        return made[-1]

    yield build
    for executor in made:
        executor.close()


@pytest.fixture(scope='module')
def undisturbed(settings: ProxySettings) -> Outcome:
    """The outcome of a worker to which nothing happens."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    evaluator = ProxyEvaluator(settings)
    outcome = evaluator.evaluate(searched(GOOD))
    evaluator.close()
    torch.set_num_threads(threads)
    assert outcome.state is State.COMPLETE
    return outcome


@pytest.mark.parametrize(
    ('fault', 'limits', 'attempts'),
    [
        pytest.param({'die_in': 'build'}, None, [2], id='killed while it builds'),
        pytest.param({'die_at': 3}, None, [2], id='killed while it trains'),
        pytest.param({'die_in': 'validate'}, None, [2], id='killed while it validates'),
        pytest.param({'freeze_at': 3}, QUICK, [2, 3, 4], id='frozen'),
        pytest.param({'hang_at': 3}, QUICK, [2, 3, 4], id='hangs'),
    ],
)
def test_worker_that_is_lost_once_changes_nothing(
    make: Callable[..., LocalExecutor],
    undisturbed: Outcome,
    tmp_path: Path,
    fault: dict[str, Any],
    limits: Limits | None,
    attempts: list[int],
) -> None:
    marker = tmp_path / 'struck'
    executor = make({**fault, 'once': str(marker), 'in_worker': True}, limits)
    outcome = executor.submit(searched(GOOD)).result(LIMIT)
    assert marker.exists(), 'the fault did strike'
    assert (outcome.score, outcome.metrics) == (undisturbed.score, undisturbed.metrics)
    assert outcome.attempts in attempts


def test_lack_of_memory_fails_the_trial_and_the_worker_lives(make, undisturbed: Outcome) -> None:
    executor = make({'memory_at': 3, 'where': 'exp('})
    failed = executor.submit(searched(DEADLY)).result(LIMIT)
    assert failed.state is State.FAILED and failed.attempts == 1
    assert failed.reason.startswith('Traceback') and 'alloc' in failed.reason.splitlines()[-1]
    [pid] = executor._slots[0].worker.pids
    assert executor.submit(searched(GOOD)).result(LIMIT).score == undisturbed.score
    assert executor._slots[0].worker.pids == [pid]


def test_broken_gpu_costs_its_trial_and_its_worker(make, undisturbed: Outcome) -> None:
    """After such an error nothing works any more in the process: the next trial gets another one."""
    executor = make({'fail_at': 3, 'says': 'CUDA error: device-side assert triggered', 'where': 'exp('})
    failed = executor.submit(searched(DEADLY)).result(LIMIT)
    assert failed.state is State.FAILED and failed.attempts == 1 and 'device-side assert' in failed.reason
    outcome = executor.submit(searched(GOOD)).result(LIMIT)
    assert (outcome.score, outcome.attempts) == (undisturbed.score, 1)


def test_slow_training_ends_at_its_next_iteration(make, undisturbed: Outcome) -> None:
    executor = make({'slow': 0.4, 'where': 'exp('}, Limits())
    failed = executor.submit(searched(DEADLY), 1.0).result(LIMIT)
    assert failed.state is State.FAILED and failed.attempts == 1
    assert failed.reason.startswith('time limit: train was at iteration ')
    assert executor.submit(searched(GOOD), 60.0).result(LIMIT).score == undisturbed.score


def test_exception_of_the_data_is_an_outcome(make) -> None:
    executor = make({}, **{'train_dataloader.dataset.length': -1})
    failed = executor.submit(searched(GOOD)).result(LIMIT)
    assert failed.state is State.FAILED and failed.reason.startswith('Traceback')
