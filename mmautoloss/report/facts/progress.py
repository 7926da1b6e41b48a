"""Scores in the order in which the trials settled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mmautoloss.report.facts.table import Table
from mmautoloss.trial import Estimates, Record, Role, Scale, State, Trial

COLUMNS = ('order', 'trial', 'role', 'state', 'hours', 'score', 'rung', 'best', 'times')


def progress_of(record: Record, scale: Scale) -> Table:
    """All settled trials in the order in which they settled.

    Returns:
        ``hours``, the hours of search until each settled; ``score`` and ``rung`` (the score at the rung) as the metric
        reports them; ``best``, the estimate of the best searched candidate so far, which is its score where it has one seed;
        ``times``, the length of the training as a multiple of that of a candidate.
    """
    return Table(COLUMNS, tuple(_rows(record, scale)))


def _rows(record: Record, scale: Scale) -> Iterator[tuple]:
    trials = record.history.settled()
    for order, (trial, best) in enumerate(zip(trials, bests(trials), strict=True)):
        yield (
            order,
            trial.number,
            trial.role.value,
            trial.state.value,
            record.settled_elapsed[trial.number] / 3600,
            scale.shown(trial.score),
            scale.shown(trial.required_outcome.rung),
            scale.shown(best),
            trial.times,
        )


def bests(settled: Iterable[Trial]) -> Iterator[float | None]:
    """The estimate of the best searched candidate after each trial, in the order in which they settled."""
    estimates = Estimates()
    for trial in settled:
        estimates.note(trial)
        runs = [estimates.runs(number) for number in estimates.best(Role.SEARCH, 1)]
        yield estimates.over(runs[0]) if runs else None


def is_found(trial: Trial) -> bool:
    """Whether a trial is a searched candidate that was trained to the end, for the first time."""
    return trial.role is Role.SEARCH and trial.state is State.COMPLETE and not trial.measures_again
