"""What the journals of an ablation say: explored, trained, failed, and the best score over trainings and over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from arm_journals import Arm
from tables import print_table, write_rows

from mmautoloss.trial import Record, Role, State, Trial


@dataclass(frozen=True)
class Summary:
    """An arm in numbers; lists have one entry a seed.

    Attributes:
        set: Name of the set.
        metric: Key of the metric.
        arm: Name of the arm.
        explored: Expressions that were drawn.
        trained: Candidates that were trained or stopped.
        failed: Of these, those that failed.
        stopped: Of these, those that a rung stopped.
        best: Best score at the end; None where no candidate had one.
        best_five: Mean of the five best scores, which one lucky training moves less; None where there are fewer.
        over_trainings: Best score after each training; None before the first score.
        over_hours: The same against hours of search: (hours, best).
        baseline: Scores of the hand-made losses.
    """

    set: str
    metric: str
    arm: str
    explored: list[int]
    trained: list[int]
    failed: list[int]
    stopped: list[int]
    best: list[float | None]
    best_five: list[float | None]
    over_trainings: list[list[float | None]]
    over_hours: list[list[tuple[float, float | None]]]
    baseline: list[float]


def summaries_of(arms: Sequence[Arm]) -> list[Summary]:
    """The numbers of all arms that have a search."""
    return [_summary(arm) for arm in arms if arm.records]


def _summary(arm: Arm) -> Summary:
    candidates = [list(_candidates(record)) for record in arm.records]
    courses = [list(_best_so_far(trials)) for trials in candidates]
    hours = [
        [(record.settled_elapsed[trial.number] / 3600, best) for trial, best in zip(trials, course, strict=True)]
        for record, trials, course in zip(arm.records, candidates, courses, strict=True)
    ]
    return Summary(
        set=arm.set,
        metric=str(arm.records[0].header['metric']),
        arm=arm.name,
        explored=[_explored(record, trials) for record, trials in zip(arm.records, candidates, strict=True)],
        trained=[len(trials) for trials in candidates],
        failed=[sum(trial.state is State.FAILED for trial in trials) for trials in candidates],
        stopped=[sum(trial.state is State.STOPPED for trial in trials) for trials in candidates],
        best=[course[-1] if course else None for course in courses],
        best_five=[_best_five(trials) for trials in candidates],
        over_trainings=courses,
        over_hours=hours,
        baseline=[score for record in arm.records for score in record.history.baseline_scores()],
    )


def _best_five(trials: Sequence[Trial]) -> float | None:
    scores = sorted((trial.score for trial in trials if trial.state is State.COMPLETE), reverse=True)[:5]
    return mean(scores) if len(scores) == 5 else None


def _explored(record: Record, trials: Sequence[Trial]) -> int:
    return sum(record.history.funnel().values()) or len(trials)


def _candidates(record: Record) -> Iterator[Trial]:
    """Candidates that cost a training, in the order in which they were over."""
    for trial in record.history.settled():
        if trial.role in (Role.KNOWN, Role.SEARCH) and not trial.was_spared:
            yield trial


def _best_so_far(trials: Sequence[Trial]) -> Iterator[float | None]:
    best = None
    for trial in trials:
        if trial.state is State.COMPLETE:
            best = trial.score if best is None else max(best, trial.score)
        yield best


_TITLES = (
    *('set', 'arm', 'seeds', 'explored', 'trained', 'failed', 'stopped'),
    *('best', 'spread', 'best 5', 'spread', 'hand-made'),
)


def print_summaries(summaries: Sequence[Summary]) -> None:
    """Prints a table of all arms."""
    print_table(_TITLES, map(_cells, summaries), left=('set', 'arm'))


def _cells(summary: Summary) -> Iterator[str]:
    yield from (summary.set, summary.arm, str(len(summary.best)))
    yield from (f'{mean(counts):.0f}' for counts in (summary.explored, summary.trained))
    yield from (f'{mean(counts):.1f}' for counts in (summary.failed, summary.stopped))
    yield from (*_mean_and_spread(summary.best), *_mean_and_spread(summary.best_five))
    yield f'{mean(summary.baseline):.3f}' if summary.baseline else '-'


def _mean_and_spread(scores: Sequence[float | None]) -> tuple[str, str]:
    known = [score for score in scores if score is not None]
    return f'{mean(known):.3f}' if known else 'none', f'{stdev(known):.3f}' if len(known) > 1 else '-'


def write_summaries(summaries: Sequence[Summary], path: Path) -> None:
    """Writes the best score after each training, a row a set, arm, seed and training."""
    write_rows(path, ('set', 'arm', 'search', 'training', 'hours', 'best'), _rows(summaries))


def _rows(summaries: Sequence[Summary]) -> Iterator[tuple[str | int, ...]]:
    for each in summaries:
        for search, course in enumerate(each.over_hours):
            for training, (hours, best) in enumerate(course, 1):
                yield each.set, each.arm, search, training, f'{hours:.4f}', '' if best is None else f'{best:.4f}'
