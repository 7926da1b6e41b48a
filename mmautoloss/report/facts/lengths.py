"""Scores of the losses of the funnel at each length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import mean, stdev

from mmautoloss.report.facts.table import Table
from mmautoloss.report.lengths import Length, LengthScore
from mmautoloss.trial import History, Scale

COLUMNS = ('losses', 'kind', 'trial', 'times', 'mean', 'spread', 'seeds', 'fate')


def length_scores(lengths: Sequence[Length], history: History, scale: Scale) -> Table:
    """Mean and spread over seeds by loss and length, first at the length of a candidate.

    Returns:
        ``kind``: ``hand-made``, ``known`` or ``found``; ``times``: the length as a multiple of that of a candidate;
        ``fate``: of a found loss ``holds``, ``falls`` or ``open``, else ''.
    """
    rows = [_short(each, history, scale) for each in (lengths[0].scores if lengths else ())]
    rows += [row for length in lengths for row in _rows(length)]
    return Table(COLUMNS, tuple(rows))


def by_length(scores: Table) -> Table:
    """The same with a row for each loss and a column for each length, as texts.

    Args:
        scores: The table of ``length_scores``.
    """
    rows = scores.to_json()
    times = list(dict.fromkeys(row['times'] for row in rows))
    cells = {(row['losses'], row['times']): _cell(row) for row in rows}
    losses = dict.fromkeys((row['losses'], row['kind']) for row in rows)
    table = ((name, kind, *(cells.get((name, length), '') for length in times)) for name, kind in losses)
    return Table(('losses', 'kind', *(f'{length:g}x' for length in times)), tuple(table))


def _short(each: LengthScore, history: History, scale: Scale) -> tuple:
    scores = history.baseline_scores() if each.kind == 'hand-made' else history.scores_of(each.trial)
    reported = [scale.sign * score for score in scores]
    spread = stdev(reported) if len(reported) > 1 else None
    return each.losses, each.kind, each.trial, 1, mean(reported), spread, len(reported), ''


def _rows(length: Length) -> Iterator[tuple]:
    for each in length.scores:
        seeds = len(each.scores)
        yield each.losses, each.kind, each.trial, length.times, each.mean, each.spread, seeds, each.fate


def _cell(row: dict) -> str:
    if row['mean'] is None:
        return 'failed, falls' if row['fate'] == 'falls' else ''
    spread = '' if row['spread'] is None else f' ± {row["spread"]:.4f}'
    return f'{row["mean"]:.4f}{spread}' + ', falls' * (row['fate'] == 'falls')
