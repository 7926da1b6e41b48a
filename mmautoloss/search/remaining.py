"""Trainings after the search proper that are still to come."""

from __future__ import annotations

from collections.abc import Mapping

from mmautoloss.search.rounds import funnel_rounds
from mmautoloss.search.settings import Budget
from mmautoloss.search.stages.choice import lacking, race_of_found, race_of_known, rounds_of
from mmautoloss.search.stages.confirmation import compared
from mmautoloss.search.stages.race import trainings
from mmautoloss.trial import History, Role, State, Trial


def seeds_left(history: History, budget: Budget) -> int:
    """Number of trainings that have not begun by which the present best candidates catch up after the budget is spent."""
    runs = (history.estimates.runs(trial.number) for trial in lacking(history, budget))
    return sum(budget.candidate_seeds - len(begun) for begun in runs)


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


def trunks_left(
    history: History, budget: Budget, left: Mapping[str, int], longer: Mapping[float, int]
) -> dict[float, int]:
    """Number of trunks that have not settled, by the length of the trainings that continue them.

    Args:
        history: All trials of a search with trunks.
        budget: The budget of the search.
        left: Remaining trainings, with ``finalist`` and ``confirmation``.
        longer: Remaining trainings of the funnel by length.
    """
    repeats = max((each.repeats for each in rounds_of(budget, budget.finalists)), default=0) if left['finalist'] else 0
    finalists = range(budget.candidate_seeds, budget.candidate_seeds + repeats)
    offsets = {1.0: {*range(1 + budget.baseline_repeats), *finalists}}
    for stage in budget.funnel.stages if budget.funnel else ():
        if longer.get(stage.times):
            offsets[stage.times] = {*range(stage.seeds)}
    if left['confirmation']:
        offsets.setdefault(budget.confirm_times, set()).update(budget.fresh_seeds)
    seed = history[0].seed if len(history) else 0
    return {
        times: sum(not _is_saved(history.trunk(seed + offset, times)) for offset in needed)
        for times, needed in offsets.items()
    }


def _is_saved(trunk: Trial | None) -> bool:
    return trunk is not None and trunk.state is State.COMPLETE
