"""The interface of executors: ``concurrent.futures`` with a number of slots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from mmautoloss.trial import Outcome, Pulse, Trial

_WAIT = 1.0
"""Timeout of one wait, in seconds."""


class Executor(ABC):
    """Evaluates trials.

    A trial that crashes, hangs, kills its worker or gives no number has a failed ``Outcome``; a future only raises if the
    executor itself is broken.

    Attributes:
        slots: Number of trials that run at the same time; it falls where a slot is retired.
        isolated: Whether the search survives a trial that kills its process.
    """

    slots: int = 1
    isolated: bool = False

    @abstractmethod
    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Starts to evaluate a trial.

        Args:
            trial: The trial.
            limit: Seconds that training and validation may take; a trial that takes longer fails with a reason that begins
                with ``time limit``. None for no limit.

        Raises:
            RuntimeError: All slots are busy.
        """

    def wait(self, running: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        """Blocks until at least one of the futures is done; returns those that are."""
        # with a timeout: a signal that arrives just before a wait without one is handled only when that wait ends
        while not (done := wait(running, _WAIT, return_when=FIRST_COMPLETED).done):
            pass
        return done

    def pulses(self) -> Sequence[Pulse]:
        """The current state of each worker; may be called from another thread."""
        return ()

    def retired(self) -> Sequence[str]:
        """A line for each slot that is no longer used, as its device failed again and again."""
        return ()

    def close(self) -> None:  # noqa: B027 (an executor in this process has nothing to end)
        """Stops the workers; running trials are abandoned."""


def train_all(executor: Executor, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Outcome]]:
    """Evaluates trials on all slots, and yields each when it is done; finally closes the executor."""
    pending = list(trials)
    running: dict[Future[Outcome], Trial] = {}
    try:
        while pending or running:
            while pending and len(running) < executor.slots:
                trial = pending.pop(0)
                running[executor.submit(trial)] = trial
            for future in executor.wait(running):
                yield running.pop(future), future.result()
    finally:
        executor.close()
