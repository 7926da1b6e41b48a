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
    yield SerialExecutor(evaluator)
    evaluator.close()
    torch.set_num_threads(threads)


def run(executor: Executor, trial: Trial) -> Outcome:
    """The outcome without what may differ from worker to worker."""
    outcome = executor.submit(trial).result(LIMIT)
    assert outcome.worker and set(outcome.stages) >= {'train', 'validate'}
    return replace(outcome, seconds=0.0, stages={}, worker='')


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
def test_deadly_trial_fails_alone(local: LocalExecutor, serial: SerialExecutor) -> None:
    pair = {local.submit(searched(DEADLY)): 'deadly', local.submit(searched(GOOD)): 'good'}
    with pytest.raises(RuntimeError, match='All 2 workers are busy'):
        local.submit(baseline())
    outcomes = {name: future.result(LIMIT) for future, name in pair.items()}
    assert (outcomes['deadly'].state, outcomes['deadly'].attempts) == (State.FAILED, 2)
    assert outcomes['deadly'].reason.startswith('worker died: SIGKILL, perhaps for lack of memory (train, iteration')
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
    pids = [pid for slot in local._slots if slot.worker for pid in slot.worker.pids]
    assert pids and all(map(is_alive, pids))
    local.close()
    wait_for(lambda: not any(map(is_alive, pids)), seconds=20)
    local.close()  # again does no harm


@pytest.mark.parametrize(('workers', 'threads', 'each'), [(0, None, 1), (2, 0, 1), (-1, 1, 1), (1, 1, 0)])
def test_settings_are_checked(settings: ProxySettings, workers: int, threads: int | None, each: int) -> None:
    with pytest.raises(SetupError, match=f'at least 1, but got {workers}, {threads} and {each}'):
        LocalExecutor(settings, workers, threads, each)


def test_threads_are_shared_out(settings: ProxySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('os.sched_getaffinity', lambda pid: set(range(8)), raising=False)
    assert LocalExecutor(settings, 3).threads == 2
    assert LocalExecutor(settings, 2, gpus_per_candidate=2).threads == 2
    assert LocalExecutor(settings, 99).threads == 1


def test_serial_future_is_done(settings: ProxySettings) -> None:
    executor = SerialExecutor(ProxyEvaluator(settings))
    seen = []
    executor.evaluator.evaluate = lambda trial, limit: (
        seen.append(executor.pulses()[0]) or Outcome(State.FAILED, reason=f'{limit}')
    )
    future = executor.submit(baseline(), 4.0)
    assert executor.slots == 1 and future.done() and not executor.isolated
    assert future.result() == Outcome(State.FAILED, reason='4.0', worker='driver')
    assert list(executor.wait([future])) == [future]
    assert [(pulse.worker, pulse.trial) for pulse in (*seen, *executor.pulses())] == [('driver', 0), ('driver', None)]
