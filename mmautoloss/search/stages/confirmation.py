"""The winner, the best known loss and the hand-made losses, trained with fresh seeds."""

from __future__ import annotations

from mmautoloss.search.settings import Budget
from mmautoloss.search.stages.choice import chosen, race_of_known, rival
from mmautoloss.search.stages.stage import Stage
from mmautoloss.trial import History, Role, State, Trial

_ATTEMPTS = 2
"""Trainings with one seed, where the first failed by a fault that is not that of the losses."""


class Confirmation(Stage):
    """Trains what the search compares in the end with seeds that have chosen nothing, seed by seed."""

    role = Role.CONFIRM

    def is_due(self, history: History, elapsed: float) -> bool:
        """Once the winner is chosen, until all have been trained with each seed."""
        return self.runs_alone(history) and self._next(history) is not None

    def make(self, history: History) -> Trial | None:
        """The next training with a fresh seed; None where there is none."""
        found = self._next(history)
        if found is None:
            return None
        trial, offset = found
        return self.again(history, trial, 'confirm', offset, self.settings.budget.confirm_times)

    def _next(self, history: History) -> tuple[Trial, int] | None:
        budget = self.settings.budget
        times, losses = budget.confirm_times, compared(history, budget)
        missing = (
            (trial, offset)
            for offset in budget.fresh_seeds
            for trial in losses
            if _is_missing(history, trial, self.settings.seed + offset, times)
        )
        return next(missing, None)


def compared(history: History, budget: Budget) -> list[Trial]:
    """The hand-made losses, the best known loss if there is one, and the winner; empty before the winner is chosen."""
    winner = chosen(history, budget)
    over = not race_of_known(history, budget).left
    if winner is None or not over or not budget.confirm_seeds:
        return []
    hand_made = [trial for trial in history.of_role(Role.BASELINE) if trial.score is not None][:1]
    return [*hand_made, *filter(None, [rival(history, budget)]), winner]


def _is_missing(history: History, trial: Trial, seed: int, times: float) -> bool:
    fresh = history.of_role(Role.CONFIRM)
    runs = [run for run in fresh if (run.repeats, run.seed, run.times) == (trial.number, seed, times)]
    if not runs:
        return True
    return runs[-1].state is State.FAILED and not runs[-1].failed_by_itself and len(runs) < _ATTEMPTS
