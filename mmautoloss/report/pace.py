"""The speed of a search and the time that it still needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from mmautoloss.report.remaining_work import OF_TRUNKS, Lengths, WorkLeft, work_left
from mmautoloss.search import relay_of
from mmautoloss.trial import Record, State, Trial

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
            also ``longer``, as many as there can be, ``confirmation``, and in a search with trunks ``trunk`` and ``plain``;
            None where the budget is unknown.
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
    scored = [t for t in trained if t.state is State.COMPLETE and t.times == 1 and t.role not in OF_TRUNKS]
    budget = record.sessions[-1].budget if record.sessions else {}
    relay = relay_of(record.header)
    lengths = Lengths(trained, 1 / relay.generations if relay else 1.0)
    left = work_left(record, elapsed, lengths)
    return Pace(
        trained=len(trained),
        per_hour=_rate(len(times), elapsed),
        per_hour_last_hour=_rate(sum(time > elapsed - _HOUR for time in times), min(elapsed, _HOUR))
        if times
        else None,
        per_hour_last_20=_recent_rate(times, [1.0] * len(times), _RECENT),
        seconds=lengths.seconds,
        stages=_stages(scored),
        left=left.counts if left else None,
        seconds_left=_seconds_left(
            left,
            _expected_rate(times, [lengths.of(trial.role, trial.times) for trial in trained], _slots(record)),
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


def _slots(record: Record) -> int:
    return record.sessions[-1].slots if record.sessions else 1


def _expected_rate(times: list[float], lengths: list[float], slots: int) -> float | None:
    """Length of the trainings to come an hour: that of the last ones, or of the first in all slots at once.

    The first training of a search is alone, so until each slot has finished one, the rate says nothing of the slots.

    Args:
        times: The times at which trainings finished, in seconds of search.
        lengths: Their lengths.
        slots: Number of trials that run at the same time.
    """
    if 0 < len(times) < slots:
        return _rate(slots * lengths[0], times[0])
    return _recent_rate(times, lengths, _RECENT)


def _stages(trials: list[Trial]) -> dict[str, float]:
    stages = [trial.required_outcome.stages for trial in trials]
    names = dict.fromkeys(name for durations in stages for name in durations)
    seconds = {name: [durations[name] for durations in stages if name in durations] for name in names}
    return {name: median(values) for name, values in seconds.items()}


def _seconds_left(left: WorkLeft | None, per_hour: float | None, limit: float | None, elapsed: float) -> float | None:
    """Remaining seconds at the present speed; a time limit cuts the candidates short, but not what comes after.

    Args:
        left: Remaining trainings.
        per_hour: Trainings of the length of a candidate an hour.
        limit: ``budget.max_seconds``.
        elapsed: Seconds of search so far.
    """
    if left is None or (not per_hour and any(left.counts.values())):
        return None
    seconds = _HOUR / per_hour if per_hour else 0.0
    search = left.candidates * seconds
    if limit is not None and left.candidates:
        search = min(search, max(0.0, limit - elapsed - left.counts['baseline'] * seconds))
    return left.others * seconds + search
