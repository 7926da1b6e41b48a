"""Worker processes keep the contract of executors: one that dies takes one trial with it, and none is left."""

from __future__ import annotations

import sys

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor, Limits, LocalExecutor, SerialExecutor
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.executor_suite import ExecutorSuite, FaultTrial
from mmautoloss.testing.toy_trials import GOOD, make_trial
from mmautoloss.trial import Outcome, State
from tests.test_execute.conftest import baseline
from tests.test_search.processes import is_alive, wait_for


@pytest.mark.slow
@pytest.mark.usefixtures('forked_workers')
class TestLocalExecutor(ExecutorSuite):
    def build(self, settings: ProxySettings, slots: int) -> Executor:
        return LocalExecutor(settings, workers=slots, threads=1, limits=Limits(retries=1))

    def test_dying_worker_takes_its_own_trial_alone(self, ordeal: FaultTrial, executor: Executor) -> None:
        super().test_dying_worker_takes_its_own_trial_alone(ordeal, executor)
        assert ordeal.bad.attempts == 2
        assert ordeal.bad.reason.startswith('worker died: SIGKILL, perhaps for lack of memory (train, iteration')

    @pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
    def test_close_ends_everything_and_may_be_called_again(self, executor: Executor) -> None:
        self.measure(executor, *(make_trial(GOOD, number) for number in range(self.slots)))
        pids = [pid for slot in executor._slots if slot.worker for pid in slot.worker.pids]
        assert len(pids) == self.slots and all(map(is_alive, pids))
        super().test_close_ends_everything_and_may_be_called_again(executor)
        wait_for(lambda: not any(map(is_alive, pids)), seconds=20)


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
