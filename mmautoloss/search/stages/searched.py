"""The candidates that the strategy breeds."""

from __future__ import annotations

import random
from collections import Counter

from mmautoloss.search.settings import SearchSettings
from mmautoloss.search.stages.breeder import MAX_DUPLICATES, Breeder
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class SearchedLosses(Stage):
    """Breeds candidates until the budget is spent.

    Args:
        settings: Settings of the search.
        breeder: Breeds candidates.
    """

    role = Role.SEARCH

    def __init__(self, settings: SearchSettings, breeder: Breeder) -> None:
        super().__init__(settings)
        self._breeder = breeder

    def is_due(self, history: History, elapsed: float) -> bool:
        """Until the trainings or the time of the budget are spent."""
        return self.budget_left(history, elapsed)

    def begins(self, history: History) -> tuple[int, float]:
        """The trunk of the search's seed, whatever is bred."""
        return self.settings.seed, 1

    def make(self, history: History) -> Trial:
        """The next candidate; its random choices depend on the seed and its number alone."""
        rng = random.Random(f'{self.settings.seed}/{len(history)}')
        funnel: Counter[str] = Counter()
        training = {trial.fingerprint for trial in history.running()} - {''}
        with self._breeder.drawing.breeding():
            for _ in range(MAX_DUPLICATES):
                proposal = self._breeder.breed(history, rng, funnel)
                if proposal.repeats is not None:
                    return self.again(history, history[proposal.repeats], proposal.origin)
                fields = self._breeder.fields(proposal, funnel)
                if (
                    fields['fingerprint'] not in training
                ):  # else the same loss is running and has no score to reuse yet
                    break
        return self.trial(history, **fields, bar=self._bar(history))

    def _bar(self, history: History) -> float | None:
        rung = self.settings.rung
        return rung.bar(history.rung_scores()) if rung else None
