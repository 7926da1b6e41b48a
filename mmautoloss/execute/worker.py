"""What a supervised executor needs of a worker, wherever it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from mmautoloss.errors import MMAutoLossError
from mmautoloss.trial import Outcome, Pulse, Trial


class WorkerDied(MMAutoLossError):
    """A worker is gone; the text says why, as far as that is known."""


class Worker(ABC):
    """Measures one trial after the other, somewhere else; dealt with by one thread alone."""

    @abstractmethod
    def begin(self, trial: Trial, limit: float | None) -> None:
        """Hands it a trial.

        Raises:
            WorkerDied: It is gone.
        """

    @abstractmethod
    def news(self) -> Iterable[Pulse | Outcome]:
        """What it has said since the last call, without waiting.

        Raises:
            WorkerDied: It is gone.
        """

    @abstractmethod
    def kill(self) -> None:
        """Ends it at once; may be called again."""
