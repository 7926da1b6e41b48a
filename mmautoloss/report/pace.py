"""The speed of a search and the time that it still needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from mmautoloss.search import Budget, confirmations_left, finalist_trainings_left, read_funnel, trainings_left
from mmautoloss.trial import Record, Role, State, Trial

_HOUR = 3600.0
_RECENT = 20


@dataclass(frozen=True)
class Pace:
    """Speed of a search, in hours of search: pauses between sessions do not count.

    Attributes:
        trained: Finished trainings, including those stopped at the rung: all settled trials except duplicates of
            another loss.
        per_hour: Trainings per hour over the whole search; None before the first has finished.
        per_hour_last_hour: Trainings per hour over the last hour.
        per_hour_last_20: Trainings per hour over the last 20, from which the end is estimated.
        seconds: Median duration of a scored training of the length of a candidate; None where there is none.
        stages: Median seconds by stage: ``build``, ``train``, ``validate``; empty where unknown.
        left: Remaining trainings, including the running ones, by ``baseline``, ``candidate``, ``finalist``, with a funnel
            also ``longer``, as many as there can be, and ``confirmation``; None where the budget is unknown.
        seconds_left: Estimated seconds for the remaining trainings; None where unknown.
    """

    trained: int
    per_hour: float | None
    per_hour_last_hour: float | None
    per_hour_last_20: float | None
    seconds: float | None
    stages: Mapping[str, float]
    left: Mapping[str, int] | None
    seconds_left: float | None


def pace_of(record: Record, elapsed: float) -> Pace:
    """The speed of a search.

    Args:
        record: The content of its journal.
        elapsed: Seconds of search so far.
    """
    trained = [trial for trial in record.history.settled() if not trial.was_spared]
    times = [record.settled_elapsed[trial.number] for trial in trained]
    scored = [trial for trial in trained if trial.state is State.COMPLETE and trial.times == 1]
    budget = record.sessions[-1].budget if record.sessions else {}
    left = _left(record, budget, elapsed) if 'max_trials' in budget else None
    longer = _longer_left(record, budget, left) if left else {}
    return Pace(
        trained=len(trained),
        per_hour=_rate(len(times), elapsed),
        per_hour_last_hour=_rate(sum(time > elapsed - _HOUR for time in times), min(elapsed, _HOUR))
        if times
        else None,
        per_hour_last_20=_recent_rate(times, [1.0] * len(times), _RECENT),
        seconds=median(trial.required_outcome.seconds for trial in scored) if scored else None,
        stages=_stages(scored),
        left={**left, 'longer': sum(longer.values())} if left and budget.get('funnel') else left,
        seconds_left=_seconds_left(
            left,
            _length_after(left, longer, Budget.recorded(budget)) if left else 0.0,
            _recent_rate(times, [trial.times for trial in trained], _RECENT),
            budget.get('max_seconds'),
            elapsed,
        ),
    )


def _rate(count: float, seconds: float) -> float | None:
    return _HOUR * count / seconds if count and seconds > 0 else None


def _recent_rate(times: list[float], lengths: list[float], count: int) -> float | None:
    """Length of the last ``count`` trainings an hour.

    Args:
        times: The times at which trainings finished, in seconds of search.
        lengths: Their lengths; all 1 for the number of trainings.
        count: How many of them count.
    """
    if not times:
        return None
    start = times[-count - 1] if len(times) > count else 0.0
    return _rate(sum(lengths[-count:]), times[-1] - start)


def _stages(trials: list[Trial]) -> dict[str, float]:
    stages = [trial.required_outcome.stages for trial in trials]
    names = dict.fromkeys(name for durations in stages for name in durations)
    seconds = {name: [durations[name] for durations in stages if name in durations] for name in names}
    return {name: median(values) for name, values in seconds.items()}


def _left(record: Record, budget: Mapping[str, Any], elapsed: float) -> dict[str, int]:
    if record.ended == 'done':  # the search may end before its budget is spent
        return dict.fromkeys(('baseline', 'candidate', 'finalist', 'confirmation'), 0)
    history = record.history
    candidates = [t for t in history.of_role(Role.KNOWN, Role.SEARCH) if not t.was_spared]
    settled = sum(trial.state is not State.RUNNING for trial in candidates)
    running = len(candidates) - settled
    total = max(budget['max_trials'], len(record.header.get('seeds') or ()))  # known losses are trained in any case
    candidates_left = max(total - settled, running)
    limit = budget.get('max_seconds')
    if limit is not None and elapsed >= limit:
        candidates_left = running
    return {
        'baseline': max(0, 1 + budget.get('baseline_repeats', 0) - len(history.baseline_scores())),
        'candidate': candidates_left,
        'finalist': finalist_trainings_left(history, Budget.recorded(budget), not candidates_left),
        'confirmation': confirmations_left(history, Budget.recorded(budget), not candidates_left),
    }


def _longer_left(record: Record, budget: Mapping[str, Any], left: Mapping[str, int]) -> Mapping[float, int]:
    """Remaining trainings of the funnel by length."""
    funnel = read_funnel(budget.get('funnel'))
    if funnel is None or record.ended == 'done':
        return {}
    known = len(record.header.get('seeds') or ())
    return trainings_left(record.history, funnel, known, search_over=not left['candidate'])


def _length_after(left: Mapping[str, int], longer: Mapping[float, int], budget: Budget) -> float:
    """Total length of the trainings after the candidates, as a multiple of that of a candidate."""
    in_funnel = sum(times * count for times, count in longer.items())
    return left['finalist'] + in_funnel + budget.confirm_times * left['confirmation']


def _seconds_left(
    left: Mapping[str, int] | None, after: float, per_hour: float | None, limit: float | None, elapsed: float
) -> float | None:
    """Remaining seconds at the present speed; a time limit cuts the candidates short, but not what comes after.

    Args:
        left: Remaining trainings.
        after: Total length of those after the candidates, as a multiple of that of a candidate.
        per_hour: Trainings of that length an hour.
        limit: ``budget.max_seconds``.
        elapsed: Seconds of search so far.
    """
    if left is None or (not per_hour and (after or any(left.values()))):
        return None
    seconds = _HOUR / per_hour if per_hour else 0.0
    search = left['candidate'] * seconds
    if limit is not None and left['candidate']:
        search = min(search, max(0.0, limit - elapsed - left['baseline'] * seconds))
    return (left['baseline'] + after) * seconds + search
