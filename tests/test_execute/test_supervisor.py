"""What the supervisor does about workers that die, hang or are too slow, with workers of straw."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.execute import Limits, LocalExecutor, SupervisedExecutor, Worker, WorkerDied
from mmautoloss.trial import Outcome, Pulse, Role, State, Trial

DONE = Outcome(State.COMPLETE, 0.5)
QUICK = Limits(silence=1.0, stall=1.5, retries=1)
LIMIT = 30


class Straw(Worker):
    """Plays a script: each call of ``news`` gives its next entry; at its end nothing more is heard.

    Entries are pulses, outcomes, errors that are raised, and functions that are called while nothing is said.
    """

    def __init__(self, script: Sequence[object]) -> None:
        self.script = list(script)
        self.begun: list[tuple[int, float | None]] = []
        self.killed = False
        self._busy = False

    def begin(self, trial: Trial, limit: float | None) -> None:
        self.begun.append((trial.number, limit))
        self._busy = True

    def news(self) -> Iterator[Pulse | Outcome]:
        may_speak = self.script and (self._busy or isinstance(self.script[0], Exception))
        if not may_speak:
            return
        entry = self.script.pop(0)
        if isinstance(entry, Exception):
            raise entry
        if callable(entry):
            entry()
        else:
            self._busy = isinstance(entry, Pulse)
            yield entry

    def kill(self) -> None:
        self.killed = True


class Field(SupervisedExecutor):
    """Starts straw workers with the scripts it was given, one after the other."""

    def __init__(self, scripts: Sequence[Sequence[object]], slots: int = 1, limits: Limits = QUICK) -> None:
        super().__init__(slots, limits, prefix='straw')
        self.scripts = list(scripts)
        self.workers: list[Straw] = []
        self._news = threading.Event()

    def _start(self, index: int, name: str) -> Worker:
        self.workers.append(Straw(self.scripts.pop(0)))
        return self.workers[-1]

    def _sleep(self, workers: Sequence[Worker], seconds: float) -> None:
        self._news.wait(0.01)
        self._news.clear()

    def _wake(self) -> None:
        self._news.set()


@pytest.fixture
def field() -> Iterator[Callable[..., Field]]:
    made = []

    def make(*scripts: Sequence[object], **options) -> Field:
        made.append(Field(scripts, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Callable[[], None]]:
    """Entries of scripts that let time pass; it stands still otherwise, however busy the machine is."""
    clock = SimpleNamespace(now=0.0, monotonic=lambda: clock.now)
    for module in ('supervisor', 'slot', 'deadlines'):
        monkeypatch.setattr(f'mmautoloss.execute.{module}.time', clock)
    return lambda seconds: lambda: setattr(clock, 'now', clock.now + seconds)


def trial(number: int = 7) -> Trial:
    return Trial(number, Role.BASELINE, 0)


def pulse(phase: str = 'train', step: int = 0) -> Pulse:
    return Pulse('straw-0', 7, phase, step, where='node:1')


def test_outcome_says_who_measured_it_and_the_worker_is_kept(field) -> None:
    executor = field([pulse(), DONE, DONE])
    assert executor.submit(trial(), 9.0).result(LIMIT) == Outcome(State.COMPLETE, 0.5, worker='straw-0')
    assert executor.submit(trial(8)).result(LIMIT).score == 0.5
    assert [worker.begun for worker in executor.workers] == [[(7, 9.0), (8, None)]]


def test_trial_of_a_dead_worker_is_measured_again_by_another(field) -> None:
    executor = field([pulse(), WorkerDied('SIGKILL')], [DONE])
    outcome = executor.submit(trial()).result(LIMIT)
    assert (outcome.score, outcome.attempts) == (0.5, 2)
    assert [worker.killed for worker in executor.workers] == [True, False]


def test_trial_that_takes_every_worker_down_fails(field) -> None:
    executor = field([WorkerDied('SIGKILL')], [pulse('validate', 3), WorkerDied('SIGKILL')], [DONE])
    outcome = executor.submit(trial()).result(LIMIT)
    assert (outcome.state, outcome.attempts) == (State.FAILED, 2)
    assert outcome.reason == 'worker died: SIGKILL (validate, iteration 3, node:1)'
    assert executor.submit(trial()).result(LIMIT).state is State.COMPLETE, 'the slot is free again'


@pytest.mark.parametrize(
    ('script', 'reason'),
    [
        pytest.param([pulse()], 'worker hung: nothing heard for 1 s (train, iteration 0', id='silent'),
        pytest.param([pulse(step=4)] * 10_000, 'worker hung: no iteration for 2 s (train, iteration 4', id='stalled'),
    ],
)
def test_hung_worker_is_replaced(field, script: list[object], reason: str) -> None:
    executor = field(script, script, [DONE])
    outcome = executor.submit(trial()).result(LIMIT)
    assert outcome.state is State.FAILED and outcome.reason.startswith(reason)
    assert outcome.attempts == 2 and all(worker.killed for worker in executor.workers)
    assert executor.submit(trial()).result(LIMIT).state is State.COMPLETE


def test_worker_that_goes_on_is_left_alone(field, wait) -> None:
    """Twice as long as a stall, but with an iteration now and then."""
    script = [entry for step in range(6) for entry in (pulse(step=step), wait(0.4))]
    assert field([*script, DONE]).submit(trial()).result(LIMIT).state is State.COMPLETE


def test_start_of_a_worker_may_be_silent(field, wait) -> None:
    """Imports from a network disk: not silence, a stall at most."""
    executor = field([wait(0.45), pulse(), DONE], limits=Limits(silence=0.2, stall=30.0))
    assert executor.submit(trial()).result(LIMIT).attempts == 1


def test_iteration_that_does_not_end_meets_the_time_limit_once(field, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.execute.deadlines._GRACE', 0.1)
    executor = field([pulse(step=2)], [DONE], limits=Limits(silence=600.0, retries=3))
    outcome = executor.submit(trial(), 0.6).result(LIMIT)
    assert outcome.reason == 'time limit: more than 1 s (train, iteration 2, node:1)'
    assert outcome.attempts == 1, 'it would take as long again'


def test_time_in_which_all_were_suspended_is_nobodys_fault(field, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by Ctrl-Z, or by a scheduler that gives the machine to others for a while."""
    executor = field([pulse(step=2)], limits=Limits(silence=60.0, stall=60.0))
    future = executor.submit(trial(), 60.0)
    while not executor.pulses() or executor.pulses()[0].phase != 'train':
        time.sleep(0.01)
    now = time.monotonic
    monkeypatch.setattr('mmautoloss.execute.supervisor.time.monotonic', lambda: now() + 5000)
    while executor.pulses()[0].silent > 100:  # not yet excused
        time.sleep(0.01)
    time.sleep(0.1)
    assert not future.done()
    executor.workers[0].script = [DONE]
    assert future.result(LIMIT).attempts == 1


def test_slot_that_lost_its_workers_is_taken_last(field) -> None:
    executor = field([WorkerDied('a')], [WorkerDied('b')], [DONE, DONE], slots=2)
    assert executor.submit(trial()).result(LIMIT).state is State.FAILED
    for _ in range(2):
        assert executor.submit(trial()).result(LIMIT).worker == 'straw-1'


def test_worker_that_cannot_be_started_is_a_lost_one(settings) -> None:
    executor = LocalExecutor(settings, workers=1, threads=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('multiprocessing.context.SpawnProcess._Popen', staticmethod(refuse))
        outcome = executor.submit(trial()).result(LIMIT)
    executor.close()
    assert outcome.reason.startswith('worker died: it cannot be started: ') and outcome.attempts == 2


def refuse(process: object) -> None:
    raise BlockingIOError(11, 'Resource temporarily unavailable')


def test_worker_that_dies_idle_costs_no_attempt(field) -> None:
    executor = field([DONE, WorkerDied('SIGTERM')], [DONE], limits=Limits(retries=0))
    executor.submit(trial()).result(LIMIT)
    while not executor.workers[0].killed:
        time.sleep(0.01)
    assert executor.submit(trial(8)).result(LIMIT) == Outcome(State.COMPLETE, 0.5, worker='straw-0')


def test_slots_and_pulses(field) -> None:
    executor = field([pulse(step=1)], [pulse(step=2)], slots=2, limits=Limits())
    futures = [executor.submit(trial()), executor.submit(trial())]
    with pytest.raises(RuntimeError, match='All 2 workers are busy'):
        executor.submit(trial())
    while [each.step for each in executor.pulses()] != [1, 2]:
        time.sleep(0.01)
    executor.close()
    assert all(worker.killed for worker in executor.workers)
    assert not any(future.done() for future in futures), 'what was given up is no outcome'
    with pytest.raises(RuntimeError, match='closed'):
        executor.submit(trial())
    executor.close()


def test_defect_of_the_supervisor_reaches_who_waits(field) -> None:
    executor = field()  # nobody to start: IndexError
    for _ in range(2):
        with pytest.raises(IndexError):
            executor.submit(trial()).result(LIMIT)


@pytest.mark.parametrize(
    ('limits', 'baseline', 'seconds'),
    [
        (Limits(), [], None),
        (Limits(), [100.0, 120.0], 600.0),
        (Limits(), [3.0], 60.0),
        (Limits(time_factor=2, time_floor=1), [3.0], 6.0),
        (Limits(time_factor=0), [3.0], None),
    ],
)
def test_time_limit_comes_from_the_baseline(limits: Limits, baseline: list[float], seconds: float | None) -> None:
    assert limits.of_trial(baseline) == seconds


def test_limits_are_checked() -> None:
    with pytest.raises(SetupError, match=r'execute\.stall must be positive, but got 0'):
        Limits(stall=0)
    with pytest.raises(SetupError, match=r'execute\.retries must be positive, but got -1'):
        Limits(retries=-1)
