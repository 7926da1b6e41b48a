"""A race of losses over seeds: in each round all that are left are trained again, then some fall out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, log2
from statistics import fmean
from typing import NamedTuple

from mmautoloss.trial import History, Role, State, Trial


class Round(NamedTuple):
    """A round of a race.

    Attributes:
        runners: Number of losses in it: the best of the round before.
        repeats: Further trainings that each of them has at its end.
    """

    runners: int
    repeats: int


class Race(NamedTuple):
    """The state of a race.

    Attributes:
        standing: All losses, best first, by the rounds that are over.
        next: The loss that is trained next, and which of its repeats that is; None while all of the round are running.
        left: Number of trainings that are not settled yet.
    """

    standing: tuple[Trial, ...]
    next: tuple[Trial, int] | None
    left: int


def equal_rounds(runners: int, repeats: int) -> tuple[Round, ...]:
    """One round for all.

    Example:
        >>> equal_rounds(3, 2)
        (Round(runners=3, repeats=2),)
    """
    return (Round(runners, repeats),) if runners and repeats else ()


def halving_rounds(runners: int, repeats: int) -> tuple[Round, ...]:
    """Rounds of sequential halving (Karnin, Koren and Somekh, 2013): the better half goes on, with as many trainings.

    A single loss needs no race. There are at most ``runners * repeats`` trainings.

    Example:
        >>> halving_rounds(8, 2)
        (Round(runners=8, repeats=1), Round(runners=4, repeats=2), Round(runners=2, repeats=4))
    """
    left, done, rounds = runners * repeats, 0, []
    for rest in range(ceil(log2(runners)) if runners else 0, 0, -1):
        step = max(1, left // (runners * rest))
        if step * runners > left:
            break
        left, done = left - step * runners, done + step
        rounds.append(Round(runners, done))
        runners = ceil(runners / 2)
    return tuple(rounds)


def trainings(rounds: Iterable[Round], done: int = 0) -> int:
    """Number of trainings of these rounds, where each loss has been trained again ``done`` times."""
    count = 0
    for runners, repeats in rounds:
        count += runners * max(0, repeats - done)
        done = max(done, repeats)
    return count


def run_race(history: History, contenders: Sequence[Trial], rounds: Sequence[Round]) -> Race:
    """The state of a race, a function of the trials alone.

    Losses are compared by all scores of the search and those of their repeats so far, each against the hand-made losses with
    the same seed (``Estimates``). A loss of which a repeat has failed falls behind all others.

    Args:
        history: All trials.
        contenders: The losses, best first.
        rounds: Rounds of the race.
    """
    standing = list(contenders)
    repeated = {trial.number: _repeats(history, trial) for trial in standing}
    for place, (runners, repeats) in enumerate(rounds):
        racing = standing[:runners]
        settled = [sum(t.state is not State.RUNNING for t in repeated[r.number][:repeats]) for r in racing]
        left = runners * repeats - sum(settled)
        if left:
            due = [(len(repeated[r.number]) + 1, n, r) for n, r in enumerate(racing)]
            repeat, _, trial = min(due)
            upcoming = (trial, repeat) if repeat <= repeats else None
            return Race(tuple(standing), upcoming, left + trainings(rounds[place + 1 :], repeats))
        racing.sort(key=lambda trial: _place(trial, repeated[trial.number][:repeats], history))
        standing = racing + standing[runners:]
    return Race(tuple(standing), None, 0)


def _repeats(history: History, trial: Trial) -> list[Trial]:
    return [again for again in history.of_role(Role.FINALIST) if again.repeats == trial.number]


def _place(trial: Trial, repeats: Sequence[Trial], history: History) -> tuple[int, float, float, int]:
    runs = [*history.estimates.runs(trial.number), *repeats]
    # the plain mean parts what is equal but for rounding
    means = history.estimates.over(runs), fmean(each.score for each in runs if each.score is not None)
    return sum(each.score is None for each in repeats), -means[0], -means[1], trial.number
