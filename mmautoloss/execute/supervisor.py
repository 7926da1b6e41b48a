"""Supervision of workers: replaces those that die or hang, and repeats their trials."""

from __future__ import annotations

import signal
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Generic

from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.slot import Job, Slot, W
from mmautoloss.execute.worker import WorkerDied
from mmautoloss.proxy import SUSPENDED
from mmautoloss.trial import Outcome, Pulse, State, Trial

_POLL = 0.5
"""Seconds between two checks of the workers without news."""

_GRACE = 5.0
"""Seconds in which a worker may itself end a trial that has reached its time limit."""

_START = 600.0
"""Least limit in seconds for imports and the building of the model, which count no iterations."""


class SupervisedExecutor(Executor, Generic[W]):
    """Slots with one worker each, supervised by one thread.

    A worker that dies or hangs is replaced, and its trial is repeated up to ``limits.retries`` times; a trial that takes too
    long fails. Subclasses define how to start a worker.

    Args:
        slots: Number of workers.
        limits: Time limits of trials and workers.
        prefix: Prefix of the names of the workers.

    Raises:
        SetupError: ``slots`` is not positive.
    """

    isolated = True

    def __init__(self, slots: int, limits: Limits | None = None, prefix: str = 'worker') -> None:
        if slots < 1:
            raise SetupError(f'workers must be at least 1, but got {slots}.')
        self.slots = slots
        self.limits = limits or Limits()
        self._slots: list[Slot[W]] = [Slot(f'{prefix}-{index}') for index in range(slots)]
        self._lock = threading.Lock()
        self._closing = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _start(self, index: int, name: str) -> W:
        """Starts a worker for a slot; called in the supervisor thread."""

    @abstractmethod
    def _sleep(self, workers: Sequence[W], seconds: float) -> None:
        """Waits until a worker has news or ``_wake`` is called, at most ``seconds``."""

    @abstractmethod
    def _wake(self) -> None:
        """Ends ``_sleep``; called from any thread."""

    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Gives a trial to a free worker.

        Raises:
            RuntimeError: All workers are busy, or the executor is closed.
        """
        future: Future[Outcome] = Future()
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._closing:
                raise RuntimeError('The executor is closed.')
            # a slot that has lost its last workers, perhaps because of a broken GPU, is used only if no other is free
            free = min((slot for slot in self._slots if slot.job is None), key=lambda slot: slot.losses, default=None)
            if free is None:
                raise RuntimeError(f'All {self.slots} workers are busy.')
            free.begun = False  # set before the job, which the supervisor thread polls
            free.job = Job(trial, limit, future)
            if self._thread is None:
                self._thread = threading.Thread(target=self._supervise, name='supervisor', daemon=True)
                self._thread.start()
        self._wake()
        return future

    def pulses(self) -> Sequence[Pulse]:
        """The latest pulse of each worker."""
        now = time.monotonic()
        return [replace(slot.pulse, silent=round(now - slot.heard, 1)) for slot in self._slots if slot.worker]

    def close(self) -> None:
        """Kills all workers."""
        with self._lock:
            self._closing = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._wake()
            thread.join()

    def _supervise(self) -> None:
        # inherited by workers: Ctrl-C must not reach them, even while they import
        if hasattr(signal, 'pthread_sigmask'):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        checked = time.monotonic()
        try:
            while not self._closing:
                now = time.monotonic()
                if now - checked > SUSPENDED:
                    self._shift_clocks(now - checked)
                checked = now
                for index, slot in enumerate(self._slots):
                    job = slot.job
                    self._supervise_job(index, slot, job) if job else self._poll_idle(slot)
                self._sleep([slot.worker for slot in self._slots if slot.worker], _POLL)
        except BaseException as error:  # an error in the supervisor must not leave the search waiting forever
            with self._lock:
                self._error = error
            for slot in self._slots:
                if slot.job is not None and not slot.job.future.done():
                    slot.job.future.set_exception(error)
        finally:
            for slot in self._slots:
                if slot.worker is not None:
                    slot.worker.kill()
                    slot.worker = None

    def _shift_clocks(self, seconds: float) -> None:
        """Discounts the time for which the whole search was suspended."""
        for slot in self._slots:
            slot.heard += seconds
            slot.moved += seconds
            slot.since = None if slot.since is None else slot.since + seconds

    def _poll_idle(self, slot: Slot[W]) -> None:
        """Reads the messages of an idle worker; one that died is replaced when its slot gets a trial."""
        worker = slot.worker
        if worker is None:
            return
        try:
            for news in worker.news():
                if not isinstance(news, Pulse):
                    raise RuntimeError(f'{slot.pulse.worker} has no trial, but told of an outcome: {news}')
                slot.hear(news)
        except WorkerDied:
            worker.kill()
            slot.worker = None

    def _supervise_job(self, index: int, slot: Slot[W], job: Job) -> None:
        try:
            worker = slot.worker
            if worker is None or not slot.begun:
                worker = self._begin(index, slot, job)
            for news in worker.news():
                if isinstance(news, Pulse):
                    slot.hear(news)
                else:
                    slot.losses = 0
                    self._settle(slot, job, news)
                    return
        except WorkerDied as death:
            self._lose(slot, job, f'worker died: {death}{_where(slot.pulse)}')
            return
        reason = self._overdue(slot, job)
        if reason:
            self._lose(slot, job, reason, again=not reason.startswith('time limit'))

    def _begin(self, index: int, slot: Slot[W], job: Job) -> W:
        self._poll_idle(slot)  # a worker that died before does not count as an attempt of this trial
        worker = slot.worker
        slot.restart_clocks('start' if worker is None else 'idle', job.trial.number)
        if worker is None:
            worker = slot.worker = self._start(index, slot.pulse.worker)
        slot.begun = True
        worker.begin(job.trial, job.limit)
        return worker

    def _overdue(self, slot: Slot[W], job: Job) -> str:
        """Why the worker must be killed; '' while it is within its limits."""
        now, limits = time.monotonic(), self.limits
        # the worker itself checks the limit after each iteration; this is for an iteration that does not end
        if job.limit is not None and slot.since is not None and now - slot.since > 1.1 * job.limit + _GRACE:
            return f'time limit: more than {job.limit:.0f} s{_where(slot.pulse)}'
        floor = _START if slot.pulse.phase in ('start', 'build') else 0.0
        silence, stall = max(limits.silence, floor), max(limits.stall, floor)
        if slot.pulse.phase != 'start' and now - slot.heard > silence:
            return f'worker hung: nothing heard for {silence:.0f} s{_where(slot.pulse)}'
        if now - slot.moved > stall:
            return f'worker hung: no iteration for {stall:.0f} s{_where(slot.pulse)}'
        return ''

    def _lose(self, slot: Slot[W], job: Job, reason: str, again: bool = True) -> None:
        """Discards a worker that died or must be killed; retries its trial or fails it."""
        slot.losses += 1
        if slot.worker is not None:
            slot.worker.kill()
            slot.worker = None
        if again and job.attempt <= self.limits.retries:
            job.attempt += 1
            slot.begun = False
            self._wake()
        else:
            self._settle(slot, job, Outcome(State.FAILED, reason=reason))

    def _settle(self, slot: Slot[W], job: Job, outcome: Outcome) -> None:
        slot.pulse = replace(slot.pulse, phase='idle', step=0, trial=None)
        with self._lock:
            slot.job = None
        job.future.set_result(replace(outcome, worker=slot.pulse.worker, attempts=job.attempt))


def _where(pulse: Pulse) -> str:
    return f' ({pulse.phase}, iteration {pulse.step}, {pulse.where or pulse.worker})'
