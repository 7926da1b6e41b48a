"""Further seeds for the better candidates."""

from __future__ import annotations

from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class Promotion(Stage):
    """Measures the better half of the candidates with k seeds with the next one, before new candidates are bred.

    It waits for nothing: whoever is due by now goes on (``trial.seed_levels``).
    """

    role = Role.SEARCH

    def is_due(self, history: History, elapsed: float) -> bool:
        """While the budget lasts and a candidate is due."""
        return self.budget_left(history, elapsed) and self.make(history) is not None

    def make(self, history: History) -> Trial | None:
        """The training of the candidate that is due; None where none is."""
        seeds = self.settings.budget.candidate_seeds
        number = history.estimates.due(seeds) if seeds > 1 else None
        return None if number is None else self.measure(history, history[number])
