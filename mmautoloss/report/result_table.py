"""The console table of results on one data set: means, spreads and differences to the hand-made losses."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isnan
from statistics import mean, stdev

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmautoloss.report.result_row import ResultRow, Setting
from mmautoloss.report.statistics import paired_difference

_LESS = {'nme', 'epe', 'mpjpe', 'mae', 'mse', 'rmse', 'error', 'loss'}
"""Words in the names of metrics that are errors."""


def is_greater(metric: str) -> bool:
    """Whether a higher value is better, by the key of a metric or of a sum of metrics, for which no rule is given.

    Example:
        >>> is_greater('coco/bbox_mAP'), is_greater('test/NME'), is_greater('NME+EPE'), is_greater('P-MPJPE')
        (True, False, False, False)
    """
    return _LESS.isdisjoint(re.split(r'[^a-z0-9]+', metric.casefold()))


def print_comparison(rows: Iterable[ResultRow], setting: Setting, hand_made: str, greater: bool = True) -> None:
    """Prints mean, spread and paired difference to the hand-made losses for the rows of one comparison.

    A loss is called better or worse only where the interval of the difference excludes zero (``paired_difference``).
    Trainings that failed are left out, and named below.

    Args:
        rows: Rows of any comparisons.
        setting: What those of this one have in common.
        hand_made: Name of the hand-made losses.
        greater: Whether a higher value is better.
    """
    compared = [row for row in rows if row.setting == setting]
    rows = [row for row in compared if not isnan(row.value)]
    lower = '' if greater else 'lower is better'
    title = ', '.join(
        filter(None, [setting.set, setting.network, f'{setting.metric} on {setting.split}', setting.length, lower])
    )
    table = Table(title=title, title_justify='left')
    for column in ('losses', 'mean', 'spread', 'seeds', 'difference', '95 %', 'by seed'):
        table.add_column(column, overflow='fold')
    reference = (hand_made, '', '')  # a known loss, which has an expression, may have the same name
    by_hand = {row.seed: row.value for row in rows if row.identity == reference}
    losses = dict.fromkeys(row.identity for row in rows)
    for identity in losses:
        values = {row.seed: row.value for row in rows if row.identity == identity}
        paired = ' '.join(f'{values[seed] - by_hand[seed]:+.3f}' for seed in sorted(values) if seed in by_hand)
        spread = f'{stdev(values.values()):.4f}' if len(values) > 1 else '-'
        comparison = ('', '', '') if identity == reference else (*_comparison(values, by_hand, greater), paired)
        table.add_row(escape(identity[0]), f'{mean(values.values()):.4f}', spread, str(len(values)), *comparison)
    console = Console(highlight=False)
    console.print(table)
    for loss, count in Counter(row.loss for row in compared if isnan(row.value)).items():
        console.print(escape(f'{loss}: left out {count} without a number'), soft_wrap=True)
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
