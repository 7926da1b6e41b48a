"""The live status of a search: numbers updated whenever a trial settles, and their texts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean

from mmautoloss.report.pace import Pace
from mmautoloss.report.statistics import spread
from mmautoloss.report.tasks import hand_made_scores
from mmautoloss.report.words import large, soon, span
from mmautoloss.screen import ACCEPTED
from mmautoloss.search import Budget, DrawProgress, confirmations_left
from mmautoloss.trial import CANDIDATE_ROLES, History, Role, State

_DAY = 86400.0


@dataclass(frozen=True)
class Standing:
    """The state of a search at one moment, with scores as the metric reports them.

    Attributes:
        wanted: Number of candidates to be trained.
        best: Number of the best candidate, mean and number of its scores; None where there is none yet.
        baseline: Spread (0 for a single score), mean and number of the scores of the hand-made losses.
        funnel: Drawn expressions by verdict.
        states: Searched and known candidates by state.
        trained: Number of candidates that were trained, to the end or not.
        pace: Speed of the search; None where unknown.
        confirming: Settled trainings with fresh seeds and all of them; None before they begin and after they end.
        taken: Time of this state, on the monotonic clock.
    """

    wanted: int = 0
    best: tuple[int, float, int] | None = None
    baseline: tuple[float, float, int] | None = None
    funnel: Mapping[str, int] = field(default_factory=dict)
    states: Mapping[State, int] = field(default_factory=Counter)
    trained: int = 0
    pace: Pace | None = None
    confirming: tuple[int, int] | None = None
    taken: float = field(default_factory=lambda: time.monotonic())

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds from now to the end; None where unknown."""
        left = self.pace.seconds_left if self.pace else None
        return None if left is None else max(0.0, left - (time.monotonic() - self.taken))


def standing_of(history: History, budget: Budget, states: Counter[State], pace: Pace | None, sign: int) -> Standing:
    """The present state of a search.

    Args:
        history: The trials.
        budget: The budget of the search.
        states: Known and searched candidates by state, counted by the caller since histories grow long.
        pace: Speed of the search.
        sign: 1 where higher values of the metric are better, else -1.
    """
    winner, baseline = history.winner(), hand_made_scores(history)
    best = history.scores_of(winner.number) if winner else []
    return Standing(
        wanted=max(budget.max_trials, history.n_proxies()),  # seeds may be caught up after the budget
        best=(winner.number, sign * mean(best), len(best)) if winner and best else None,
        baseline=(spread(baseline), sign * mean(baseline), len(baseline)) if baseline else None,
        funnel=history.funnel(),
        states=Counter(states),
        trained=history.n_proxies() - sum(trial.role in CANDIDATE_ROLES for trial in history.running()),
        pace=pace,
        confirming=_confirming(history, budget),
    )


def _confirming(history: History, budget: Budget) -> tuple[int, int] | None:
    fresh = history.of_role(Role.CONFIRM)
    left = confirmations_left(history, budget, search_over=True) if fresh else 0
    settled = sum(trial.state is not State.RUNNING for trial in fresh)
    return (settled, settled + left) if left else None


def scores_text(standing: Standing) -> str:
    """The scores of the best found losses and of the hand-made ones, with the noise of the latter.

    Example:
        >>> scores_text(Standing(best=(8, 0.188, 1), baseline=(0.021, 0.103, 3)))
        'best 0.1880 (trial 8), hand-made 0.1030 +- 0.0210 (3 seeds)'
    """
    if standing.baseline is None:
        return 'no score yet'
    noise, score, seeds = standing.baseline
    hand_made = f'hand-made {score:.4f}' + (f' +- {noise:.4f} ({seeds} seeds)' if seeds > 1 else '')
    if standing.best is None:
        return f'nothing found yet, {hand_made}'
    number, score, seeds = standing.best
    return f'best {score:.4f} (trial {number}{f", mean of {seeds}" * (seeds > 1)}), {hand_made}'


def funnel_text(standing: Standing) -> str:
    """The outcomes of expressions and candidates."""
    explored, accepted, states = sum(standing.funnel.values()), standing.funnel.get(ACCEPTED, 0), standing.states
    return (
        f'{explored} explored, {explored - accepted} rejected, {states[State.EQUIVALENT]} equivalent, '
        f'{states[State.COMPLETE]} trained, '
        + f'{states[State.STOPPED]} stopped at the rung, ' * bool(states[State.STOPPED])
        + f'{states[State.FAILED]} failed'
    )


def pace_text(standing: Standing, drawing: DrawProgress) -> str:
    """The speed; '' where nothing is known.

    The rate is that of the last twenty trainings, from which the end is estimated.
    """
    per_hour, per_minute = standing.pace and standing.pace.per_hour_last_20, drawing.per_minute
    known = [
        f'{_rate(per_hour)} trainings/h' if per_hour else '',
        f'{large(per_minute)} expressions/min' if per_minute else '',
    ]
    return ', '.join(filter(None, known))


def end_text(standing: Standing) -> str:
    """The expected end."""
    left = standing.seconds_left
    if left is None:
        return 'end not known yet'
    days = round(left / _DAY)
    return f'ends in about {days} days, {soon(left)[:10]}' if days > 2 else f'ends at {soon(left)}, in {span(left)}'


def doing_text(standing: Standing, running: Mapping[int, float], drawing: DrawProgress) -> str:
    """The current activity.

    Args:
        standing: The state of the search.
        running: Start of each running trial, on the monotonic clock.
        drawing: Progress of the drawing.
    """
    now = time.monotonic()
    drawn = drawing.drawn
    known = [f'confirming {standing.confirming[0]} of {standing.confirming[1]}'] if standing.confirming else []
    known += [f'trial {number} for {span(now - began)}' for number, began in running.items()]
    if drawn:
        known.append(f'drawing the next: {large(drawn)} expressions in {span(now - drawing.since)}')
    return ', '.join(known) or 'between two trials'


def _rate(per_hour: float) -> str:
    return f'{per_hour:.3g}' if per_hour < 100 else f'{per_hour:.0f}'
