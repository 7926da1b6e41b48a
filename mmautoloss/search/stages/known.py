"""Known losses, which are trained before the search and compete in it."""

from __future__ import annotations

from collections import Counter

from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages.breeder import Breeder
from mmautoloss.search.stages.stage import Stage
from mmautoloss.strategy import Proposal
from mmautoloss.trial import History, Role, Trial


class KnownLosses(Stage):
    """Trains each known loss once.

    Args:
        settings: Settings of the search.
        breeder: Weighs losses.
    """

    role = Role.KNOWN

    def __init__(self, settings: SearchSettings, breeder: Breeder) -> None:
        super().__init__(settings)
        self._breeder = breeder

    def is_due(self, history: History, elapsed: float) -> bool:
        """Until all have begun."""
        return len(history.of_role(Role.KNOWN)) < len(self.settings.known)

    def begins(self, history: History) -> tuple[int, float]:
        """The trunk of the search's seed, whatever is bred."""
        return self.settings.seed, 1

    def make(self, history: History) -> Trial:
        """The next known loss."""
        genome = self.settings.known[len(history.of_role(Role.KNOWN))]
        return self.trial(history, **self._breeder.fields(Proposal(genome, None, 'known'), Counter()))
