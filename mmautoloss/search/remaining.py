"""Trainings after the search proper that are still to come."""

from __future__ import annotations

from mmautoloss.search.rounds import funnel_rounds
from mmautoloss.search.settings import Budget
from mmautoloss.search.stages.choice import race_of_found, race_of_known, rounds_of
from mmautoloss.search.stages.confirmation import compared
from mmautoloss.search.stages.race import trainings
from mmautoloss.trial import History, Role, State


def finalist_trainings_left(history: History, budget: Budget, search_over: bool) -> int:
    """Number of trainings of finalists that have not settled.

    Args:
        history: All trials.
        budget: The budget of the search.
        search_over: Whether all candidates have settled; if not, new ones may become finalists.
    """
    known = race_of_known(history, budget).left
    if search_over:
        return race_of_found(history, budget).left + known
    return trainings(rounds_of(budget, budget.finalists)) + known


def confirmations_left(history: History, budget: Budget, search_over: bool) -> int:
    """Number of trainings with fresh seeds that have not settled.

    Args:
        history: All trials.
        budget: The budget of the search.
        search_over: Whether all candidates have settled; if not, one may still be found.
    """
    rounds = funnel_rounds(history, budget.funnel) if search_over else []
    fallen = rounds and rounds[-1].is_last and not rounds[-1].held
    if search_over and (fallen or not history.best_found(1)):
        return 0
    times = budget.confirm_times
    numbers = [trial.number for trial in compared(history, budget)]
    settled = [
        sum(trial.state is not State.RUNNING for trial in history.confirmations(number, times).values())
        for number in numbers
    ]
    known = any(trial.state is State.COMPLETE for trial in history.of_role(Role.KNOWN))
    rivals = known and (budget.funnel is None or budget.funnel.rivals > 0)
    losses = len(numbers) or 2 + rivals
    return max(0, losses * budget.confirm_seeds - sum(settled))
