"""Worker processes give what this process gives, and one that dies takes one trial with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor, LocalExecutor, SerialExecutor
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.trial import Outcome, State, Trial
from tests.test_execute.conftest import DEADLY, GOOD, baseline, searched
from tests.test_search.processes import is_alive, wait_for

LIMIT = 240


@pytest.fixture(scope='module')
def local(settings: ProxySettings) -> Iterator[LocalExecutor]:
    """Two workers, which all tests of this file share."""
    executor = LocalExecutor(settings, workers=2, threads=1)
    yield executor
    executor.close()


@pytest.fixture(scope='module')
def serial(settings: ProxySettings) -> Iterator[SerialExecutor]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    evaluator = ProxyEvaluator(settings)
    yield SerialExecutor(evaluator.evaluate)
    evaluator.close()
    torch.set_num_threads(threads)


def run(executor: Executor, trial: Trial) -> Outcome:
    return replace(executor.submit(trial).result(LIMIT), seconds=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    'trial',
    [
        pytest.param(baseline(), id='hand-made'),
        pytest.param(baseline(seed=3), id='other seed'),
        pytest.param(searched(GOOD), id='searched'),
    ],
)
def test_workers_agree_with_this_process(local: LocalExecutor, serial: SerialExecutor, trial: Trial) -> None:
    wanted = run(serial, trial)
    assert wanted.state is State.COMPLETE
    assert run(local, trial) == wanted


@pytest.mark.slow
def test_dead_worker_fails_its_trial_only(local: LocalExecutor, serial: SerialExecutor) -> None:
    pair = {local.submit(searched(DEADLY)): 'deadly', local.submit(searched(GOOD)): 'good'}
    with pytest.raises(RuntimeError, match='All 2 workers are busy'):
        local.submit(baseline())
    outcomes = {name: future.result(LIMIT) for future, name in pair.items()}
    assert outcomes['deadly'].state is State.FAILED
    assert 'worker process died' in outcomes['deadly'].reason
    wanted = run(serial, searched(GOOD))
    assert outcomes['good'].score == wanted.score
    assert run(local, searched(GOOD)) == wanted, 'the slot of the dead one is free again'
    both = [local.submit(searched(GOOD)), local.submit(baseline())]
    assert [future.result(LIMIT).state for future in both] == [State.COMPLETE] * 2


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
def test_close_leaves_no_process(local: LocalExecutor) -> None:
    """The last test that uses the shared workers."""
    local.submit(baseline()).result(LIMIT)
    pids = [pid for pool in local._pools if pool for pid in pool._processes]
    assert pids and all(map(is_alive, pids))
    local.close()
    wait_for(lambda: not any(map(is_alive, pids)), seconds=20)
    local.close()  # again does no harm


@pytest.mark.parametrize(('workers', 'threads'), [(0, None), (2, 0), (-1, 1)])
def test_settings_are_checked(settings: ProxySettings, workers: int, threads: int | None) -> None:
    with pytest.raises(SetupError, match=f'at least 1, but got {workers} and {threads}'):
        LocalExecutor(settings, workers, threads)


def test_threads_are_shared_out(settings: ProxySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('os.cpu_count', lambda: 8)
    assert LocalExecutor(settings, 3).threads == 2
    assert LocalExecutor(settings, 99).threads == 1


def test_serial_future_is_done() -> None:
    outcome = Outcome(State.FAILED, reason='x')
    executor = SerialExecutor(lambda trial: outcome)
    future = executor.submit(baseline())
    assert executor.slots == 1 and future.done() and future.result() is outcome
    assert list(executor.wait([future])) == [future]
