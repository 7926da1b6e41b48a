"""A stage of a search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from mmautoloss.search.settings import SearchSettings
from mmautoloss.trial import History, Role, State, Trial


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

    def begun(self, history: History) -> list[Trial]:
        """Its trials so far, but for those that have failed, which a resumed search tries again."""
        return [trial for trial in history.of_role(self.role) if trial.state is not State.FAILED]

    def runs_alone(self, history: History) -> bool:
        """Whether all trials of other stages have settled; trunks of its own may run."""
        return all(trial.role in (self.role, Role.TRUNK) for trial in history.running())

    def budget_left(self, history: History, elapsed: float) -> bool:
        """Whether another candidate may begin."""
        budget = self.settings.budget
        return history.n_proxies() < budget.max_trials and not budget.is_out_of_time(elapsed)

    def measure(self, history: History, trial: Trial) -> Trial:
        """A candidate again, with the seed that follows those of its trainings in the search."""
        return self.again(history, trial, 'measure', len(history.estimates.runs(trial.number)))

    def again(
        self, history: History, trial: Trial, origin: str, seed_offset: int | None = None, times: float = 1
    ) -> Trial:
        """A trial again.

        Args:
            history: All trials so far.
            trial: The trial.
            origin: Its origin.
            seed_offset: Difference of the seed from that of the search; None for the next that the trial has not had.
            times: Length of the training.
        """
        return self.trial(
            history,
            seed_offset=1 + len(history.repeats_of(trial.number)) if seed_offset is None else seed_offset,
            genome=trial.genome,
            weights=trial.weights,
            parent=trial.number,
            origin=origin,
            repeats=trial.number,
            fingerprint=trial.fingerprint,
            times=times,
        )
