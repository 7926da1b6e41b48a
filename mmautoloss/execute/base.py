"""What an executor is: ``concurrent.futures`` with a number of slots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait

from mmautoloss.trial import Outcome, Pulse, Trial

_ROUND = 1.0
"""Seconds after which a wait begins anew."""


class Executor(ABC):
    """Where trials are measured.

    A trial that crashes, hangs, takes its worker down or gives no number is a failed ``Outcome``; a future only raises
    when the executor itself is broken.

    Attributes:
        slots: How many trials run at the same time.
        isolated: Whether a trial that takes its process down leaves the search alive.
    """

    slots: int = 1
    isolated: bool = False

    @abstractmethod
    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Begins to measure a trial.

        Args:
            trial: The trial.
            limit: Seconds that training and validation may take; beyond, the trial fails with a reason that begins with
                ``time limit``. None for no limit.

        Raises:
            RuntimeError: All slots are busy.
        """

    def wait(self, running: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        """Blocks until at least one of the futures is done; returns those that are."""
        # again and again: a signal that comes just before a wait without end is not seen before that is over
        while not (done := wait(running, _ROUND, return_when=FIRST_COMPLETED).done):
            pass
        return done

    def pulses(self) -> Sequence[Pulse]:
        """What each worker does just now; may be called from another thread."""
        return ()

    def close(self) -> None:  # noqa: B027 (an executor in this process has nothing to end)
        """Ends the workers; what is running is given up."""


def train_all(executor: Executor, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Outcome]]:
    """Measures trials on all slots, and gives each as it is done; the executor is closed in the end."""
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
