"""The table of all trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmautoloss.report.facts.table import Table
from mmautoloss.report.tasks import task_columns, task_scales, task_values
from mmautoloss.report.words import last_line
from mmautoloss.trial import Record, Scale, Trial

COLUMNS = (
    *('trial', 'role', 'state', 'score', 'rung', 'seed', 'times', 'hours', 'seconds', 'parent', 'origin', 'repeats'),
    *('worker', 'attempts', 'reason'),
)

_SCORED = COLUMNS.index('score') + 1


def trials_of(record: Record, scale: Scale) -> Table:
    """All trials by number, with a column of expressions for each branch; only the last line of reasons is kept.

    In a search of several tasks ``task NAME`` has the values of one, after the score. ``times`` is the length of a training
    as a multiple of that of a candidate.
    """
    branches = tuple(
        dict.fromkeys(name for trial in record.history if trial.genome is not None for name in trial.genome.to_text())
    )
    scales = task_scales(record.header)
    rows = tuple((*_row(trial, record, scale, scales), *_texts(trial, branches)) for trial in record.history)
    columns = (*COLUMNS[:_SCORED], *task_columns(scales), *COLUMNS[_SCORED:])
    return Table((*columns, *(f'loss {name}' if name in COLUMNS else name for name in branches)), rows)


def _row(trial: Trial, record: Record, scale: Scale, scales: Mapping[str, Scale]) -> Iterator:
    outcome = trial.outcome
    elapsed = record.settled_elapsed.get(trial.number)
    yield from (trial.number, trial.role.value, trial.state.value, scale.shown(trial.score))
    yield from task_values(trial, scales).values()
    yield from (scale.shown(outcome.rung) if outcome else None, trial.seed)
    yield trial.times
    yield from (None if elapsed is None else elapsed / 3600, outcome.seconds if outcome else None)
    yield from (trial.parent, trial.origin, trial.repeats)
    yield from (outcome.worker, outcome.attempts, last_line(outcome.reason)) if outcome else (None, None, None)


def _texts(trial: Trial, branches: tuple[str, ...]) -> Iterator[str | None]:
    texts = {} if trial.genome is None else trial.genome.to_text()
    return (texts.get(branch) for branch in branches)
