"""All scores of the losses that were trained with several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean, stdev
from types import MappingProxyType
from typing import Any, NamedTuple

from mmautoloss.report.facts.table import Table
from mmautoloss.report.labels import HAND_MADE, label_of
from mmautoloss.report.tasks import task_columns, task_values
from mmautoloss.trial import History, Role, Scale, State, Trial

COLUMNS = ('losses', 'kind', 'trial', 'seed', 'score', 'chosen_by', 'role', 'times')
SUMMARY = ('losses', 'fresh_mean', 'fresh_spread', 'fresh_seeds', 'mean', 'spread', 'seeds', 'kind')
FRESH = Role.CONFIRM.value


class _Scales(NamedTuple):
    score: Scale
    tasks: Mapping[str, Scale]


def seeds_of(
    history: History, ranking: Sequence[Trial], scale: Scale, tasks: Mapping[str, Scale] = MappingProxyType({})
) -> Table:
    """Trainings of the hand-made losses, of the best found losses, and of the remaining known losses.

    Returns:
        ``kind``: ``hand-made``, ``found`` or ``known``; ``chosen_by``: whether losses were chosen by this score, which is
        then too high on average; ``role``: that of the trial, of which ``confirm`` are those with fresh seeds; ``times``:
        the length of the training as a multiple of that of a candidate; ``task NAME``: the value in one of several tasks.
    """
    scales = _Scales(scale, tasks)
    hand_made = history.of_role(Role.BASELINE)
    numbers = {trial.number for trial in hand_made}
    hand_made += [trial for trial in _later(history) if trial.repeats in numbers]
    rows = [(HAND_MADE, HAND_MADE, *_single(trial, scales, False)) for trial in _scored(hand_made)]
    for trial in ranking:
        rows += _rows(trial, 'found', history, scales)
    ranked = {trial.number for trial in ranking}
    for trial in history.of_role(Role.KNOWN):
        if trial.number not in ranked and trial.state is State.COMPLETE:
            rows += _rows(trial, 'known', history, scales)
    return Table((*COLUMNS, *task_columns(tasks)), tuple(rows))


def summary_of(seeds: Table) -> Table:
    """Mean and spread of each loss over fresh seeds, and over the seeds before in trainings of the length of a candidate.

    In a search of several tasks, also the mean value in each: over fresh seeds, where there are any.

    Args:
        seeds: The table of ``seeds_of``.
    """
    losses = dict.fromkeys(str(name) for name in seeds.column('losses'))
    rows = tuple(_summary(name, [row for row in seeds.rows if row[0] == name]) for name in losses)
    return Table((*SUMMARY, *seeds.columns[len(COLUMNS) :]), rows)


def of_one_length(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows of ``seeds_of`` that can be compared: of the length of those with fresh seeds, else of a candidate's."""
    times = next((row['times'] for row in rows if row['role'] == FRESH), 1)
    return [row for row in rows if row['times'] == times]


def _rows(trial: Trial, kind: str, history: History, scales: _Scales) -> Iterator[tuple]:
    later = [run for run in _later(history) if run.repeats == trial.number]
    again = [*history.repeats_of(trial.number), *later]
    for run in _scored([trial, *again]):
        chosen_by = run.role is not Role.CONFIRM and (kind == 'found' or bool(again))
        yield (label_of(trial), kind, *_single(run, scales, chosen_by))


def _later(history: History) -> list[Trial]:
    """Longer trainings, and those with fresh seeds of the length of the last one."""
    fresh = history.of_role(Role.CONFIRM)
    return [*history.of_role(Role.LONGER), *(run for run in fresh if run.times == fresh[-1].times)]


def _scored(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.score is not None]


def _single(trial: Trial, scales: _Scales, chosen_by: bool) -> tuple:
    score, values = scales.score.shown(trial.score), task_values(trial, scales.tasks).values()
    return trial.number, trial.seed, score, chosen_by, trial.role.value, trial.times, *values


def _summary(name: str, rows: Sequence[tuple]) -> tuple:
    fresh = [row for row in rows if row[6] == FRESH]
    before = [row for row in rows if row[6] not in (FRESH, Role.LONGER.value)]
    numbers = (*_numbers([row[4] for row in fresh]), *_numbers([row[4] for row in before]))
    values = [row[len(COLUMNS) :] for row in fresh or before]
    return name, *numbers, rows[0][1], *(mean(each) for each in zip(*values, strict=True))


def _numbers(scores: Sequence[float]) -> tuple[float | None, float | None, int]:
    return mean(scores) if scores else None, stdev(scores) if len(scores) > 1 else None, len(scores)
