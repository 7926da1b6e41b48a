"""What an executor is: ``concurrent.futures`` with a number of slots."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, wait

from mmautoloss.trial import Outcome, Trial


class Executor(ABC):
    """Where trials are measured.

    A trial that crashes, takes its worker down or gives no number is a failed ``Outcome``; a future only raises when the
    executor itself is broken.

    Attributes:
        slots: How many trials run at the same time.
    """

    slots: int = 1

    @abstractmethod
    def submit(self, trial: Trial) -> Future[Outcome]:
        """Begins to measure a trial."""

    def wait(self, running: Collection[Future[Outcome]]) -> Collection[Future[Outcome]]:
        """Blocks until at least one of the futures is done; returns those that are."""
        return wait(running, return_when=FIRST_COMPLETED).done

    def close(self) -> None:  # noqa: B027 (an executor in this process has nothing to end)
        """Ends the workers; what is running is given up."""
