"""The drawing of scores over a search: a point for each trial, the best so far, and the hand-made losses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import BASE, FAULT, FOUND, FOURTH, MUTED, SIZE, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import HEIGHT, MOST, WIDTH, draw_baseline, draw_failed, limits, put_legend, thin
from mmautoloss.trial import Scale

AXES = {'trials': ('trial', 'trial'), 'hours': ('hours', 'hours of search')}
"""The column and the label of the x axis, by its name."""

_WARNING = (
    'A point is one training with one seed: one beyond the band is no proof, since the best of many is high by chance.'
)

Row = dict[str, Any]

_SEEDS = '_hand-made'  # the legend omits labels with a leading underscore; it shows the mean instead

_KINDS: dict[str, tuple[Callable[[Row], bool], str, dict[str, Any]]] = {
    'same loss as another': (
        lambda row: row['state'] == 'equivalent',
        'score',
        {'marker': 'o', 'markersize': 3, 'color': MUTED, 'fillstyle': 'none', 'markeredgewidth': 0.7},
    ),
    'stopped at the rung': (
        lambda row: row['state'] == 'stopped',
        'rung',
        {'marker': 'v', 'markersize': 4, 'color': MUTED},
    ),
    'candidate': (
        lambda row: row['role'] == 'search' and row['state'] == 'complete',
        'score',
        {'marker': 'o', 'markersize': 4.5, 'color': FOUND},
    ),
    'leg of a relay': (
        lambda row: row['role'] == 'leg' and row['state'] == 'complete',
        'score',
        {'marker': 'o', 'markersize': 3.5, 'color': FOUND, 'fillstyle': 'none', 'markeredgewidth': 0.8},
    ),
    'known loss': (
        lambda row: row['role'] == 'known' and row['state'] == 'complete',
        'score',
        {'marker': 'D', 'markersize': 5, 'color': THIRD},
    ),
    'finalist, new seed': (
        lambda row: row['role'] == 'finalist' and row['state'] == 'complete',
        'score',
        {'marker': 's', 'markersize': 4.5, 'color': FOURTH, 'fillstyle': 'none', 'markeredgewidth': 1.2},
    ),
    'fresh seed': (
        lambda row: row['role'] == 'confirm' and row['state'] == 'complete',
        'score',
        {'marker': 's', 'markersize': 4, 'color': FOURTH},
    ),
    _SEEDS: (
        lambda row: row['role'] == 'baseline' and row['state'] == 'complete',
        'score',
        {'marker': 's', 'markersize': 4.5, 'color': BASE},
    ),
}
"""By label in the legend: a predicate for the rows, the column of the y values, and the style."""


def draw_progress(table: Table, scale: Scale, axis: str) -> Figure | None:
    """The figure ``progress_trials`` or ``progress_hours``, without longer trainings; None where no trial has a score.

    Args:
        table: The table of ``facts.progress.progress_of``.
        scale: The metric.
        axis: ``'trials'`` or ``'hours'``.
    """
    column, x_label = AXES[axis]
    rows = sorted((row for row in table.to_json() if row['times'] == 1), key=lambda row: row[column])
    shown = [value for row in rows for value in (row['score'], row['rung']) if value is not None]
    if not shown:
        return None
    name, title = f'progress_{axis}', f'Best score over {"time" if axis == "hours" else axis}'
    ends = limits(shown, scale.greater)
    caption = _caption(rows, ends, axis)
    with new_axes(WIDTH, HEIGHT) as (figure, axes):
        draw_baseline(axes, [row['score'] for row in rows if _KINDS[_SEEDS][0](row)])
        for label, (belongs, height, style) in _KINDS.items():
            _draw_points(
                axes, [row for row in rows if belongs(row) and row[height] is not None], column, height, label, style
            )
        draw_failed(axes, [row[column] for row in thin([row for row in rows if row['state'] == 'failed'])], FAULT)
        _draw_best(axes, table.to_json(), column, scale)
        if axis == 'hours':
            x_label = _in_minutes(axes, rows)
        axes.set(xlabel=x_label, ylabel=scale.metric, ylim=ends)
        axes.margins(x=0.02)
        put_legend(figure)
        return Figure(name, title, caption, table, to_svg(figure, name, f'{title}. {caption}'))


def _draw_points(axes: Any, rows: Sequence[Row], column: str, height: str, label: str, style: dict[str, Any]) -> None:
    rows = thin(rows)
    if rows:
        places = [row[column] for row in rows]
        axes.plot(places, [row[height] for row in rows], linestyle='none', label=label, **style)


def _draw_best(axes: Any, rows: Sequence[Row], column: str, scale: Scale) -> None:
    """Draws the best estimate so far, in the order of settling, with the number of the last best trial."""
    steps = [
        row for before, row in zip([None, *rows[:-1]], rows, strict=True) if row['best'] != (before or {}).get('best')
    ]
    if not steps:
        return
    ends = [*(row[column] for row in steps), max(row[column] for row in rows)]
    best = [*(row['best'] for row in steps), steps[-1]['best']]
    axes.step(ends, best, where='post', color=FOUND, label='best so far', zorder=2)
    last = steps[-1]
    axes.annotate(
        f'{last["trial"]}', (last[column], last['best']), (3, 4 if scale.greater else -11), textcoords='offset points',
        fontsize=SIZE, color=FOUND,
    )  # fmt: skip


def _caption(rows: Sequence[Row], ends: tuple[float, float], axis: str) -> str:
    cut = sum(row['score'] is not None and not ends[0] <= row['score'] <= ends[1] for row in rows)
    parts = [
        _WARNING if axis == 'trials' else 'The same over the time of search, without the pauses between sessions.'
    ]
    if cut:
        parts.append(f'{cut} very bad scores fall off the drawing; the table has them.')
    if len(rows) > MOST:
        parts.append(f'At most {MOST} points of a kind are drawn, evenly chosen; the table has all.')
    return ' '.join(parts)


def _in_minutes(axes: Any, rows: Sequence[Row]) -> str:
    """Labels the axis of a short search in minutes; returns the label of the axis."""
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    minutes = 60 * max(row['hours'] for row in rows)
    steps = [step for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if minutes / step <= 8]
    if not steps:
        return AXES['hours'][1]
    axes.xaxis.set_major_locator(MultipleLocator(steps[0] / 60))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f'{60 * value:.3g}'))
    return 'minutes of search'
