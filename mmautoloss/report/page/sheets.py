"""The tables of the page that belong to no figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mmautoloss.report.facts import Facts
from mmautoloss.report.facts.table import Table
from mmautoloss.report.page.content import Sheet

_SCORE = {'score': '.4f', 'rung': '.4f', 'mean': '.4f', 'spread': '.4f', 'fresh_mean': '.4f', 'fresh_spread': '.4f'}
_TIME = {'hours': '.3f', 'busy_hours': '.3f', 'seconds': '.1f', 'busy_share': '.0%', 'pid': 'd'}
_MAX_ROWS = 400
"""Maximum number of rows of a table that the page shows."""

SHEETS: Mapping[str, tuple[str, str]] = {
    'finalists': (
        'Mean and spread over seeds',
        'Fresh seeds chose nothing; by the others, in trainings of the length of a candidate, losses were chosen.',
    ),
    'by_length': (
        'By length',
        'Mean and spread over seeds. A found loss falls where it is not better than the best of the others; of those that '
        'hold, the best few go on.',
    ),
    'front': ('Pareto front', 'No other candidate scores as much with fewer nodes, or more with as many.'),
    'failures': ('Reasons', ''),
    'sessions': ('Sessions', 'Slots are busy while they train; hours of all of them together.'),
    'workers': ('Workers', 'Trials that each settled, and the hours that these took.'),
    'settings': ('Settings', 'The budget is that of the last session; digests tell configs apart.'),
    'trials': ('All trials', 'Expressions by branch stand in the last columns.'),
}
"""Titles and captions by name."""


def sheets_of(facts: Facts) -> Iterator[Sheet]:
    """The tables that have rows; long ones are cut, with a note in the caption."""
    for name, (title, caption) in SHEETS.items():
        table = _front(facts) if name == 'front' else facts.tables[name]
        if not table.rows:
            continue
        shown = None
        if len(table.rows) > _MAX_ROWS:
            shown = _best(table, facts.scale.sign) if name == 'trials' else table.rows[:_MAX_ROWS]
            caption = f'{len(shown)} of {len(table.rows)} rows are shown{", the best" * (name == "trials")}. {caption}'
        formats = {**_SCORE, **_TIME, **{column: '.4f' for column in table.columns if column.startswith('task ')}}
        yield Sheet(name, title, table, formats, shown, caption, expressions=frozenset(facts.branches))


def _front(facts: Facts) -> Table:
    """The Pareto front with the expressions of its trials."""
    sizes, trials = facts.tables['sizes'], facts.tables['trials']
    rows = sorted((row for row in sizes.to_json() if row['front']), key=lambda row: row['nodes'])
    columns = ('trial', 'nodes', 'score', 'mean', 'seeds')
    texts = {row['trial']: tuple(row[branch] for branch in facts.branches) for row in trials.to_json()}
    table = tuple((*(row[column] for column in columns), *texts[row['trial']]) for row in rows)
    return Table((*columns, *facts.branches), table)


def _best(table: Table, sign: int) -> tuple[tuple, ...]:
    """The trials with the best scores, ordered by number."""
    column = table.columns.index('score')

    def key(row: Sequence) -> tuple:
        return row[column] is None, -sign * (row[column] or 0.0)

    return tuple(sorted(sorted(table.rows, key=key)[:_MAX_ROWS], key=lambda row: row[0]))
