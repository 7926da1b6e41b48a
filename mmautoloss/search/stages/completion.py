"""The seeds that the best candidates still lack when the budget is spent."""

from __future__ import annotations

from mmautoloss.search.stages.choice import lacking
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class Completion(Stage):
    """Measures the losses among which the winner will be chosen with all seeds, so that no lucky single score is among them.

    What falls behind makes room for another, so it goes on until all that are left have their seeds.
    """

    role = Role.SEARCH

    def is_due(self, history: History, elapsed: float) -> bool:
        """After the budget is spent, while one that waits for no score lacks a seed."""
        return self.make(history) is not None

    def make(self, history: History) -> Trial | None:
        """The training of the best that lacks a seed; None where none does, or their scores are awaited."""
        waiting = (trial for trial in lacking(history, self.settings.budget) if _has_settled(history, trial))
        trial = next(waiting, None)
        return self.measure(history, trial) if trial else None


def _has_settled(history: History, trial: Trial) -> bool:
    return all(run.outcome for run in history.estimates.runs(trial.number))
