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
from mmautoloss.execute.deadlines import overdue, place_of
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.slot import MAX_FAULTS, Job, Slot, W
from mmautoloss.execute.slot_table import SlotTable
from mmautoloss.execute.worker import WorkerDied, WorkerSpoilt, WorkerUnprepared
from mmautoloss.proxy import SUSPENDED
from mmautoloss.trial import RETIRED, Outcome, Pulse, State, Trial

_POLL = 0.5
"""Seconds between two checks of the workers without news."""


class SupervisedExecutor(Executor, Generic[W]):
    """Slots with one worker each, supervised by one thread.

    A worker that dies or hangs is replaced, and its trial is repeated up to ``limits.retries`` times; a trial that takes too
    long fails. A trial whose device fails is evaluated in another slot, and a slot whose device fails three times in a row
    is retired. Subclasses define how to start a worker.

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
        self._slots: SlotTable[W] = SlotTable([f'{prefix}-{index}' for index in range(slots)])
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
            self._slots.add(Job(trial, limit, future))
            if self._thread is None:
                self._thread = threading.Thread(target=self._supervise, name='supervisor', daemon=True)
                self._thread.start()
        self._wake()
        return future

    def pulses(self) -> Sequence[Pulse]:
        """The latest pulse of each worker; one of each slot that is retired, with the reason."""
        now = time.monotonic()
        return [
            Pulse(slot.pulse.worker, phase=RETIRED, where=slot.retired)
            if slot.retired
            else replace(slot.pulse, silent=round(now - slot.heard, 1))
            for slot in self._slots
            if slot.worker or slot.retired
        ]

    def retired(self) -> Sequence[str]:
        """A line for each slot that is retired."""
        return self._slots.told

    def _place(self, index: int) -> str:
        """The device of a slot, as far as it is known."""
        return self._slots[index].pulse.where

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
                    for slot in self._slots:
                        slot.shift_clocks(now - checked)
                checked = now
                for index, slot in enumerate(self._slots):
                    job = slot.job
                    self._supervise_job(index, slot, job) if job else self._poll_idle(slot)
                self._sleep([slot.worker for slot in self._slots if slot.worker], _POLL)
        except BaseException as error:  # an error in the supervisor must not leave the search waiting forever
            with self._lock:
                self._error = error
            for job in self._slots.jobs:
                if not job.future.done():
                    job.future.set_exception(error)
        finally:
            for slot in self._slots:
                if slot.worker is not None:
                    slot.worker.kill()
                    slot.worker = None

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
                    slot.prove()
                    self._settle(slot, job, news)
                    return
        except WorkerSpoilt as failure:
            job.spoils(slot, str(failure))
            self._fail_device(index, slot, job, str(failure))
            return
        except WorkerUnprepared as failure:
            slot.fail_to_start(str(failure))
            self._fail_device(index, slot, job, '')
            return
        except WorkerDied as death:
            self._lose(slot, job, f'worker died: {death}{place_of(slot.pulse)}')
            return
        reason = overdue(slot, job, self.limits)
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

    def _lose(self, slot: Slot[W], job: Job, reason: str, again: bool = True) -> None:
        """Discards a worker that died or must be killed; retries its trial or fails it."""
        slot.losses += 1
        _end(slot)
        if again and job.attempt <= self.limits.retries:
            job.attempt += 1
            slot.begun = False
            self._wake()
        else:
            self._settle(slot, job, Outcome(State.FAILED, reason=reason))

    def _fail_device(self, index: int, slot: Slot[W], job: Job, reason: str) -> None:
        """Discards a worker whose device has failed; another slot evaluates its trial, unless the trial is the cause.

        Args:
            index: Number of the slot.
            slot: The slot, which has recorded the failure.
            job: Its job.
            reason: Why the trial has failed; '' if it had not begun.

        Raises:
            SetupError: All slots are retired.
        """
        _end(slot)
        if job.is_guilty:
            job.absolve()
        elif len(slot.faults) >= MAX_FAULTS:
            self.slots -= 1
            self._slots.retire(slot, self._place(index))
        if job.is_guilty or (reason and not self._may_repeat(job)):
            self._settle(slot, job, Outcome(State.FAILED, reason=reason))
            return
        job.attempt += bool(reason)
        with self._lock:
            self._slots.move(slot, job)
        self._wake()

    def _may_repeat(self, job: Job) -> bool:
        alone = self.slots == 1 and job.attempt <= self.limits.retries
        return alone or bool(self._slots.untried(job))

    def _settle(self, slot: Slot[W], job: Job, outcome: Outcome) -> None:
        with self._lock:
            self._slots.free(slot)
        job.future.set_result(replace(outcome, worker=slot.pulse.worker, attempts=job.attempt))


def _end(slot: Slot[W]) -> None:
    if slot.worker is not None:
        slot.worker.kill()
        slot.worker = None
