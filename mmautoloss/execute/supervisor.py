"""The supervision of workers: what is running where, what died, what hangs, what is tried again."""

from __future__ import annotations

import signal
import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.slot import Job, Slot
from mmautoloss.execute.worker import Worker, WorkerDied
from mmautoloss.proxy import SUSPENDED
from mmautoloss.trial import Outcome, Pulse, State, Trial

_ROUND = 0.5
"""Seconds between two looks at the workers when nothing is heard."""

_GRACE = 5.0
"""Seconds in which a worker may end a trial by itself once its time is over."""

_START = 600.0
"""Seconds that imports and the building of the model may take in any case; they show no iterations."""


class SupervisedExecutor(Executor):
    """Slots with a worker each, watched by one thread.

    A worker that dies or hangs is replaced, and its trial is measured again as often as ``limits.retries`` says; a trial
    that takes too long fails. Children say how to start a worker.

    Args:
        slots: Number of workers.
        limits: How long to wait for them.
        prefix: Beginning of the workers' names.

    Raises:
        SetupError: ``slots`` is not positive.
    """

    isolated = True

    def __init__(self, slots: int, limits: Limits | None = None, prefix: str = 'worker') -> None:
        if slots < 1:
            raise SetupError(f'workers must be at least 1, but got {slots}.')
        self.slots = slots
        self.limits = limits or Limits()
        self._slots = [Slot(f'{prefix}-{index}') for index in range(slots)]
        self._lock = threading.Lock()
        self._closing = False
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def _start(self, index: int, name: str) -> Worker:
        """Starts a worker for a slot; called in the supervising thread."""

    @abstractmethod
    def _sleep(self, workers: Sequence[Worker], seconds: float) -> None:
        """Waits until a worker has news or ``_wake`` is called, at most so long."""

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
            # a slot that has lost its last workers, perhaps for a broken GPU, is taken when no other is free
            free = min((slot for slot in self._slots if slot.job is None), key=lambda slot: slot.losses, default=None)
            if free is None:
                raise RuntimeError(f'All {self.slots} workers are busy.')
            free.begun = False  # before the job, which the other thread looks for
            free.job = Job(trial, limit, future)
            if self._thread is None:
                self._thread = threading.Thread(target=self._supervise, name='supervisor', daemon=True)
                self._thread.start()
        self._wake()
        return future

    def pulses(self) -> Sequence[Pulse]:
        """What was last heard of each worker."""
        now = time.monotonic()
        return [replace(slot.pulse, silent=round(now - slot.heard, 1)) for slot in self._slots if slot.worker]

    def close(self) -> None:
        """Ends all workers at once."""
        with self._lock:
            self._closing = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._wake()
            thread.join()

    def _supervise(self) -> None:
        if hasattr(signal, 'pthread_sigmask'):  # inherited by workers: Ctrl-C is not for them, also while they import
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        looked = time.monotonic()
        try:
            while not self._closing:
                now = time.monotonic()
                if now - looked > SUSPENDED:
                    self._excuse(now - looked)
                looked = now
                for index, slot in enumerate(self._slots):
                    self._attend(index, slot) if slot.job else self._listen(slot)
                self._sleep([slot.worker for slot in self._slots if slot.worker], _ROUND)
        except BaseException as error:  # a defect of ours must not leave the search waiting for ever
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

    def _excuse(self, seconds: float) -> None:
        """The whole search was suspended so long, which is nobody's fault."""
        for slot in self._slots:
            slot.heard += seconds
            slot.moved += seconds
            slot.since = None if slot.since is None else slot.since + seconds

    def _listen(self, slot: Slot) -> None:
        """Of a worker that has nothing to do; one that died is not missed before the next trial."""
        try:
            for pulse in slot.worker.news() if slot.worker else ():
                slot.hear(pulse)
        except WorkerDied:
            slot.worker.kill()
            slot.worker = None

    def _attend(self, index: int, slot: Slot) -> None:
        try:
            if not slot.begun:
                self._begin(index, slot)
            for news in slot.worker.news():
                if isinstance(news, Pulse):
                    slot.hear(news)
                else:
                    slot.losses = 0
                    self._settle(slot, news)
                    return
        except WorkerDied as death:
            self._lose(slot, f'worker died: {death}{_where(slot.pulse)}')
            return
        late = self._too_late(slot)
        if late:
            self._lose(slot, late, again=not late.startswith('time limit'))

    def _begin(self, index: int, slot: Slot) -> None:
        self._listen(slot)  # one that died meanwhile is no attempt of this trial
        fresh = slot.worker is None
        slot.restart_clocks('start' if fresh else 'idle')
        if fresh:
            slot.worker = self._start(index, slot.pulse.worker)
        slot.begun = True
        slot.worker.begin(slot.job.trial, slot.job.limit)

    def _too_late(self, slot: Slot) -> str:
        """Why the worker must be given up; '' while it may go on."""
        now, limits, job = time.monotonic(), self.limits, slot.job
        # the worker itself ends a training after its limit; this is for one whose iteration does not end
        if job.limit is not None and slot.since is not None and now - slot.since > 1.1 * job.limit + _GRACE:
            return f'time limit: more than {job.limit:.0f} s{_where(slot.pulse)}'
        least = _START if slot.pulse.phase in ('start', 'build') else 0.0
        silence, stall = max(limits.silence, least), max(limits.stall, least)
        if slot.pulse.phase != 'start' and now - slot.heard > silence:
            return f'worker hung: nothing heard for {silence:.0f} s{_where(slot.pulse)}'
        if now - slot.moved > stall:
            return f'worker hung: no iteration for {stall:.0f} s{_where(slot.pulse)}'
        return ''

    def _lose(self, slot: Slot, reason: str, again: bool = True) -> None:
        """The worker is gone, or must go."""
        slot.losses += 1
        if slot.worker is not None:
            slot.worker.kill()
            slot.worker = None
        job = slot.job
        if again and job.attempt <= self.limits.retries:
            job.attempt += 1
            slot.begun = False
            self._wake()
        else:
            self._settle(slot, Outcome(State.FAILED, reason=reason))

    def _settle(self, slot: Slot, outcome: Outcome) -> None:
        job = slot.job
        slot.pulse = replace(slot.pulse, phase='idle', step=0, trial=None)
        with self._lock:
            slot.job = None
        job.future.set_result(replace(outcome, worker=slot.pulse.worker, attempts=job.attempt))


def _where(pulse: Pulse) -> str:
    return f' ({pulse.phase}, iteration {pulse.step}, {pulse.where or pulse.worker})'
