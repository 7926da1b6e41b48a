"""A stage of a search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from mmautoloss.search.settings import SearchSettings
from mmautoloss.trial import History, Role, Trial


class Stage(ABC):
    """Proposes the trials of one role; keeps no state, so that a resumed search needs nothing but its history.

    Args:
        settings: Settings of the search.

    Attributes:
        role: The role of its trials.
    """

    role: ClassVar[Role]

    def __init__(self, settings: SearchSettings) -> None:
        self.settings = settings

    @abstractmethod
    def is_due(self, history: History, elapsed: float) -> bool:
        """Whether a trial of this stage is to begin, where no earlier stage is due.

        Args:
            history: All trials so far.
            elapsed: Seconds of search so far.
        """

    @abstractmethod
    def make(self, history: History) -> Trial | None:
        """The next trial, a function of the history alone; None where there is none."""

    def begins(self, history: History) -> tuple[int, float] | None:
        """Seed and length of the trunk that its next trial continues, in a search with trunks; None for none."""
        trial = self.make(history)
        return (trial.seed, trial.times) if trial else None

    def trial(self, history: History, seed_offset: int = 0, **fields: Any) -> Trial:
        """A trial of this stage.

        Args:
            history: All trials so far.
            seed_offset: Difference of its seed from that of the search.
            **fields: Other fields of the trial.
        """
        return Trial(
            number=len(history),
            role=self.role,
            seed=self.settings.seed + seed_offset,
            settled_before=len(history.settled()),
            **fields,
        )

    def again(self, history: History, trial: Trial, origin: str) -> Trial:
        """A trial again, with the next seed that it has not had."""
        return self.trial(
            history,
            seed_offset=1 + len(history.repeats_of(trial.number)),
            genome=trial.genome,
            weights=trial.weights,
            parent=trial.number,
            origin=origin,
            repeats=trial.number,
            fingerprint=trial.fingerprint,
        )
