"""The best candidates, trained again with other seeds, which chooses the winner."""

from __future__ import annotations

from itertools import count

from mmautoloss.search.stages.choice import race_of_found, race_of_known
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, Trial


class Finalists(Stage):
    """Trains the best few again in a race over seeds, and beside them the best known losses."""

    role = Role.FINALIST

    def is_due(self, history: History, elapsed: float) -> bool:
        """Once all candidates have settled, which may still become finalists, until their races are over."""
        return self.runs_alone(history) and self._next(history) is not None

    def make(self, history: History) -> Trial | None:
        """The next repeat of a finalist; None where there is none, or none before others have settled."""
        upcoming = self._next(history)
        return self.again(history, upcoming[0], 'repeat', self._offset(history, upcoming[0])) if upcoming else None

    def _offset(self, history: History, trial: Trial) -> int:
        """The first seed after those of candidates, so that finalists have the same ones, with which it was not trained."""
        had = {run.seed - self.settings.seed for run in history.repeats_of(trial.number)}
        return next(offset for offset in count(self.settings.budget.candidate_seeds) if offset not in had)

    def _next(self, history: History) -> tuple[Trial, int] | None:
        budget = self.settings.budget
        return race_of_found(history, budget).next or race_of_known(history, budget).next
