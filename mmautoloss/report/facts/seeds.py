"""All scores of the losses that were trained with several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import mean, stdev

from mmautoloss.report.facts.table import Table
from mmautoloss.report.lengths import HAND_MADE, label_of
from mmautoloss.trial import History, Role, Scale, State, Trial

COLUMNS = ('losses', 'kind', 'trial', 'seed', 'score', 'chosen_by')
SUMMARY = ('losses', 'mean', 'spread', 'seeds', 'new_mean', 'new_seeds', 'kind')


def seeds_of(history: History, ranking: Sequence[Trial], scale: Scale) -> Table:
    """Trainings of the hand-made losses, of the best found losses, and of the remaining known losses.

    Returns:
        ``kind``: ``hand-made``, ``found`` or ``known``; ``chosen_by``: whether a found loss was selected from all
        candidates by this score, which is then biased upwards as the maximum of many.
    """
    rows = [(HAND_MADE, HAND_MADE, *_single(trial, scale), False) for trial in _scored(history.of_role(Role.BASELINE))]
    for trial in ranking:
        rows += _rows(trial, 'found', history, scale)
    ranked = {trial.number for trial in ranking}
    for trial in history.of_role(Role.KNOWN):
        if trial.number not in ranked and trial.state is State.COMPLETE:
            rows += _rows(trial, 'known', history, scale)
    return Table(COLUMNS, tuple(rows))


def summary_of(seeds: Table) -> Table:
    """Mean and spread of each loss; ``new_mean`` is the mean over the seeds that were not used for selection.

    Args:
        seeds: The table of ``seeds_of``.
    """
    losses = dict.fromkeys(str(name) for name in seeds.column('losses'))
    return Table(SUMMARY, tuple(_summary(name, [row for row in seeds.rows if row[0] == name]) for name in losses))


def _rows(trial: Trial, kind: str, history: History, scale: Scale) -> Iterator[tuple]:
    repeats = [finalist for finalist in history.of_role(Role.FINALIST) if finalist.repeats == trial.number]
    for run in _scored([trial, *repeats]):
        yield (label_of(trial), kind, *_single(run, scale), kind == 'found' and run is trial)


def _scored(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.score is not None]


def _single(trial: Trial, scale: Scale) -> tuple:
    return trial.number, trial.seed, scale.shown(trial.score)


def _summary(name: str, rows: Sequence[tuple]) -> tuple:
    scores = [row[4] for row in rows]
    new = [row[4] for row in rows if not row[5]]
    spread = stdev(scores) if len(scores) > 1 else None
    return name, mean(scores), spread, len(scores), mean(new) if new else None, len(new), rows[0][1]
