"""Every single score of the losses that were trained with several seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import mean, stdev

from mmautoloss.losses import name_of
from mmautoloss.report.facts.table import Table
from mmautoloss.trial import History, Role, State, Trial
from mmautoloss.trial.scale import Scale

COLUMNS = ('losses', 'kind', 'trial', 'seed', 'score', 'chosen_by')
SUMMARY = ('losses', 'mean', 'spread', 'seeds', 'new_mean', 'new_seeds', 'kind')
HAND_MADE = 'hand-made'


def seeds_of(history: History, ranking: Sequence[Trial], scale: Scale) -> Table:
    """Trainings of the hand-made losses, of the best found, and of the known ones that are not among them.

    Returns:
        ``kind``: ``hand-made``, ``found`` or ``known``; ``chosen_by``, whether this is the score by which found losses were
        chosen among all candidates: it is too high on average, as the best of many is.
    """
    rows = [(HAND_MADE, HAND_MADE, *_single(trial, scale), False) for trial in _scored(history.of_role(Role.BASELINE))]
    for trial in ranking:
        rows += _of(trial, 'found', history, scale)
    ranked = {trial.number for trial in ranking}
    for trial in history.of_role(Role.KNOWN):
        if trial.number not in ranked and trial.state is State.COMPLETE:
            rows += _of(trial, 'known', history, scale)
    return Table(COLUMNS, tuple(rows))


def summary_of(seeds: Table) -> Table:
    """Mean and spread by losses; ``new_mean`` is that of the seeds by which nothing was chosen.

    Args:
        seeds: What ``seeds_of`` gives.
    """
    losses = dict.fromkeys(str(name) for name in seeds.column('losses'))
    return Table(SUMMARY, tuple(_summary(name, [row for row in seeds.rows if row[0] == name]) for name in losses))


def label_of(trial: Trial) -> str:
    """How the losses of a trial are called: by its number, known ones by their names as well."""
    if trial.role is not Role.KNOWN:
        return f'trial {trial.number}'
    names = dict.fromkeys(name_of(tree) or '' for tree in trial.required_genome.values())
    return f'trial {trial.number}' + (f' ({" + ".join(names)})' if all(names) else '')


def _of(trial: Trial, kind: str, history: History, scale: Scale) -> Iterator[tuple]:
    repeats = [each for each in history.of_role(Role.FINALIST) if each.repeats == trial.number]
    for each in _scored([trial, *repeats]):
        yield (label_of(trial), kind, *_single(each, scale), kind == 'found' and each is trial)


def _scored(trials: Iterable[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.score is not None]


def _single(trial: Trial, scale: Scale) -> tuple:
    return trial.number, trial.seed, scale.shown(trial.score)


def _summary(name: str, rows: Sequence[tuple]) -> tuple:
    scores = [row[4] for row in rows]
    new = [row[4] for row in rows if not row[5]]
    spread = stdev(scores) if len(scores) > 1 else None
    return name, mean(scores), spread, len(scores), mean(new) if new else None, len(new), rows[0][1]
