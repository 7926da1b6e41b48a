"""The choice of the losses that are confirmed, from the scores of the search and of its finalists or its funnel."""

from __future__ import annotations

from mmautoloss.search.rounds import best_known, survivors
from mmautoloss.search.settings import KNOWN_FINALISTS, Budget
from mmautoloss.search.stages.race import Race, Round, equal_rounds, halving_rounds, run_race
from mmautoloss.trial import History, State, Trial


def rounds_of(budget: Budget, runners: int) -> tuple[Round, ...]:
    """The rounds of a race of so many losses; none with a funnel, in which longer trainings choose."""
    if budget.funnel:
        return ()
    rounds = halving_rounds if budget.allocation == 'halving' else equal_rounds
    return rounds(runners, budget.finalist_repeats)


def contenders(history: History, budget: Budget) -> list[Trial]:
    """The found losses among which the winner will be chosen, and the known ones among which its rival is."""
    if budget.funnel:
        found, known = budget.funnel.stages[0].keep, budget.funnel.rivals
    else:
        found, known = max(1, budget.finalists), KNOWN_FINALISTS if budget.confirm_seeds else 0
    return [*history.best_found(found), *history.best_known(known)]


def lacking(history: History, budget: Budget) -> list[Trial]:
    """Those of the contenders that have fewer seeds than a candidate may have; none that has failed."""
    if budget.candidate_seeds == 1:
        return []
    runs = {trial.number: history.estimates.runs(trial.number) for trial in contenders(history, budget)}
    return [
        history[number]
        for number, begun in runs.items()
        if len(begun) < budget.candidate_seeds and not any(run.state is State.FAILED for run in begun)
    ]


def race_of_found(history: History, budget: Budget) -> Race:
    """The race of the best found losses."""
    finalists = history.best_found(budget.finalists)
    return run_race(history, finalists, rounds_of(budget, len(finalists)))


def race_of_known(history: History, budget: Budget) -> Race:
    """The race of the best known losses; without fresh seeds, for which it chooses, nothing is trained."""
    best = history.best_known(KNOWN_FINALISTS)
    races = budget.confirm_seeds and len(best) > 1 and history.best_found(1)
    return run_race(history, best, rounds_of(budget, len(best)) if races else ())


def chosen(history: History, budget: Budget) -> Trial | None:
    """The winner of the search, once its race or its funnel is over; None where nothing was found, or nothing holds."""
    if budget.funnel:
        return next(iter(survivors(history, budget)), None)
    race = race_of_found(history, budget)
    best = race.standing or tuple(history.best_found(1))
    return best[0] if best and not race.left else None


def rival(history: History, budget: Budget) -> Trial | None:
    """The best known loss, once its race or the funnel is over; None where none was trained.

    A known loss that equals the hand-made ones is not trained, and so it is none.
    """
    if budget.funnel:
        return best_known(history, budget)
    race = race_of_known(history, budget)
    return race.standing[0] if race.standing and not race.left else None
