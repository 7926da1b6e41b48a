"""The table of results of one set on the console: means, spreads and differences to the hand-made losses."""

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
    """Prints mean, spread and the paired difference to the hand-made losses, of the rows of one set and metric.

    A loss is called better or worse only where the interval of the difference excludes zero (``paired_difference``).
    """
    wanted = (describe.set, describe.network, metric, split, iterations)
    rows = [row for row in rows if (row.set, row.network, row.metric, row.split, row.iterations) == wanted]
    title = ', '.join(filter(None, [*wanted[:2], f'{metric} on {split}', f'{iterations} iterations']))
    table = Table(title=title, title_justify='left')
    for column in ('losses', 'mean', 'spread', 'seeds', 'difference', '95 %', 'by seed'):
        table.add_column(column, overflow='fold')
    reference = (describe.hand_made, '', '')  # as expressions the same losses may have the same name
    hand_made = {row.seed: row.value for row in rows if row.identity == reference}
    losses = dict.fromkeys(row.identity for row in rows)
    for identity in losses:
        values = {row.seed: row.value for row in rows if row.identity == identity}
        paired = ' '.join(f'{values[seed] - hand_made[seed]:+.3f}' for seed in sorted(values) if seed in hand_made)
        spread = f'{stdev(values.values()):.4f}' if len(values) > 1 else '-'
        told = ('', '', '') if identity == reference else (*_tell(values, hand_made, greater), paired)
        table.add_row(escape(identity[0]), f'{mean(values.values()):.4f}', spread, str(len(values)), *told)
    console = Console(highlight=False)
    console.print(table)
    for loss, expression, weights in losses:
        weight = json.loads(weights or '{}')
        for branch, text in json.loads(expression or '{}').items():
            told = f', weight {weight[branch]}' if branch in weight else ''
            console.print(escape(f'{loss}, {branch}: {text}{told}'), soft_wrap=True)


def _tell(values: Mapping[int, float], hand_made: Mapping[int, float], greater: bool) -> tuple[str, str]:
    found = paired_difference(values, hand_made)
    if found is None:
        return 'few seeds', ''
    return f'{found.mean:+.4f} {found.word(greater)}', f'{found.low:+.4f} to {found.high:+.4f}'
