"""The hand-made losses from begin to end, with which a trunk is compared."""

from __future__ import annotations

from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class PlainTrainings(Stage):
    """Trains the hand-made losses as the config says, with the seeds of those that begin at a trunk."""

    role = Role.PLAIN

    def is_due(self, history: History, elapsed: float) -> bool:
        """Until each seed of the hand-made losses has one."""
        return self.settings.plain and len(self.begun(history)) <= self.settings.budget.baseline_repeats

    def begins(self, history: History) -> None:
        """At no trunk."""
        return None

    def make(self, history: History) -> Trial:
        """The hand-made losses with the next seed."""
        return self.trial(history, seed_offset=len(self.begun(history)), origin='hand-made')
