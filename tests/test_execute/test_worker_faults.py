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

LIMIT = 400

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures('forked_workers'),
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='stops and kills processes as Linux does'),
]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., LocalExecutor]]:
    """Executors, most of one worker, in which something goes wrong."""
    made = []

    def build(faults: dict[str, Any], limits: Limits, workers: int = 1) -> LocalExecutor:
        settings = spec_of(toy_config(tmp_path, base={'model.faults': faults})).proxy
        made.append(LocalExecutor(settings, workers=workers, threads=1, limits=limits))
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


def test_worker_that_is_lost_changes_nothing(
    make: Callable[..., LocalExecutor], undisturbed: Outcome, tmp_path: Path
) -> None:
    """One trial meets all ways in which its worker is lost, one after the other."""
    faults = {'die_in': 'build validate', 'die_at': 2, 'freeze_at': 3, 'hang_at': 4}
    # a busy machine may lose a worker more
    limits = Limits(silence=4.0, stall=8.0, retries=30)
    executor = make({**faults, 'once': str(tmp_path / 'struck'), 'in_worker': True}, limits)
    outcome = executor.submit(searched(GOOD)).result(LIMIT)
    struck = {path.name for path in tmp_path.glob('struck-*')}
    assert struck == {f'struck-{fault}' for fault in ('build', 'die', 'freeze', 'hang', 'validate')}
    assert (outcome.score, outcome.metrics) == (undisturbed.score, undisturbed.metrics)
    assert outcome.attempts >= 6


def test_what_a_worker_survives_and_what_takes_it_along(make, undisturbed: Outcome, tmp_path: Path) -> None:
    """Lack of memory fails the trial; an error of the GPU, after which nothing works in a process, has it measured again."""
    gpu = 'CUDA error: device-side assert triggered'
    faults = {'memory_at': 2, 'fail_at': 3, 'says': gpu, 'slow': 0.4}
    executor = make({**faults, 'where': 'exp(', 'once': str(tmp_path / 'struck')}, Limits())

    def fail(limit: float | None = None) -> Outcome:
        failed = executor.submit(searched(DEADLY), limit).result(LIMIT)
        assert failed.state is State.FAILED and failed.attempts == 1
        return failed

    def process_of_the_next(limit: float | None = None) -> int:
        good = executor.submit(searched(GOOD), limit).result(LIMIT)
        assert (good.score, good.attempts) == (undisturbed.score, 1)
        [pid] = executor._slots[0].worker.pids
        return pid

    first = process_of_the_next()
    reason = fail().reason
    assert reason.startswith('Traceback') and 'alloc' in reason.splitlines()[-1]
    assert process_of_the_next() == first
    again = executor.submit(searched(DEADLY)).result(LIMIT)
    assert again.score is not None and again.attempts == 2
    second = process_of_the_next()
    assert second != first
    assert fail(limit=1.0).reason.startswith('time limit: train was at iteration '), 'slow: it ends at its next one'
    assert process_of_the_next(limit=60.0) == second


def test_worker_without_its_gpu_says_so_and_another_takes_its_trials(make, undisturbed: Outcome) -> None:
    """The first of two GPUs is not there; the second worker trains on the CPU, as here is nothing else."""
    executor = make({}, Limits(retries=0), 2)
    executor.gpus = [('7',), ()]
    outcomes = [executor.submit(searched(GOOD, number)).result(LIMIT) for number in range(3)]
    assert [(outcome.score, outcome.worker, outcome.attempts) for outcome in outcomes] == [
        (undisturbed.score, 'local-1', 1)
    ] * 3
    assert list(executor._slots[0].faults.values()) == ['SetupError: GPU 7 is not available to this worker.']


def test_exception_of_the_data_is_an_outcome(tmp_path: Path) -> None:
    evaluator = ProxyEvaluator(spec_of(toy_config(tmp_path, base={'train_dataloader.dataset.length': -1})).proxy)
    failed = evaluator.evaluate(searched(GOOD))
    assert failed.state is State.FAILED and failed.reason.startswith('Traceback')
