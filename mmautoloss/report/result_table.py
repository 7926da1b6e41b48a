"""The console table of results on one data set: means, spreads and differences to the hand-made losses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from statistics import mean, stdev

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmautoloss.report.description import Description
from mmautoloss.report.results import ResultRow
from mmautoloss.report.statistics import paired_difference


def print_comparison(
    rows: Iterable[ResultRow],
    describe: Description,
    metric: str,
    split: str,
    iterations: int,
    greater: bool = True,
) -> None:
    """Prints mean, spread and paired difference to the hand-made losses for the rows of one data set and metric.

    A loss is called better or worse only where the interval of the difference excludes zero (``paired_difference``).
    """
    selection = (describe.set, describe.network, metric, split, iterations)
    rows = [row for row in rows if (row.set, row.network, row.metric, row.split, row.iterations) == selection]
    title = ', '.join(filter(None, [*selection[:2], f'{metric} on {split}', f'{iterations} iterations']))
    table = Table(title=title, title_justify='left')
    for column in ('losses', 'mean', 'spread', 'seeds', 'difference', '95 %', 'by seed'):
        table.add_column(column, overflow='fold')
    reference = (describe.hand_made, '', '')  # a known loss, which has an expression, may have the same name
    hand_made = {row.seed: row.value for row in rows if row.identity == reference}
    losses = dict.fromkeys(row.identity for row in rows)
    for identity in losses:
        values = {row.seed: row.value for row in rows if row.identity == identity}
        paired = ' '.join(f'{values[seed] - hand_made[seed]:+.3f}' for seed in sorted(values) if seed in hand_made)
        spread = f'{stdev(values.values()):.4f}' if len(values) > 1 else '-'
        comparison = ('', '', '') if identity == reference else (*_comparison(values, hand_made, greater), paired)
        table.add_row(escape(identity[0]), f'{mean(values.values()):.4f}', spread, str(len(values)), *comparison)
    console = Console(highlight=False)
    console.print(table)
    for loss, expression, weights in losses:
        weight = json.loads(weights or '{}')
        for branch, text in json.loads(expression or '{}').items():
            factor = f', weight {weight[branch]}' if branch in weight else ''
            console.print(escape(f'{loss}, {branch}: {text}{factor}'), soft_wrap=True)


def _comparison(values: Mapping[int, float], hand_made: Mapping[int, float], greater: bool) -> tuple[str, str]:
    difference = paired_difference(values, hand_made)
    if difference is None:
        return 'few seeds', ''
    return f'{difference.mean:+.4f} {difference.word(greater)}', f'{difference.low:+.4f} to {difference.high:+.4f}'
