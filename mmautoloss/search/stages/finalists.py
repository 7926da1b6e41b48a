"""The best candidates, trained again with other seeds."""

from __future__ import annotations

from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class Finalists(Stage):
    """Trains each of the best few again, one after the other, until all have their repeats."""

    role = Role.FINALIST

    def is_due(self, history: History, elapsed: float) -> bool:
        """Once all candidates have settled, which may still become finalists."""
        return all(trial.role in (Role.FINALIST, Role.TRUNK) for trial in history.running())

    def make(self, history: History) -> Trial | None:
        """The next repeat of a finalist; None where all have been repeated."""
        budget = self.settings.budget
        for repeat in range(1, budget.finalist_repeats + 1):
            for trial in history.best_found(budget.finalists):
                done = [t for t in history.of_role(Role.FINALIST) if t.repeats == trial.number]
                if len(done) < repeat:
                    return self.again(history, trial, 'repeat')
        return None
