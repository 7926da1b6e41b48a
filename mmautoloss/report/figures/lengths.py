"""The drawing of scores over the length of the training."""

from __future__ import annotations

from typing import Any

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import BASE, FAULT, FOUND, SIZE, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import HEIGHT, WIDTH, put_legend
from mmautoloss.trial import Scale

_LOOKS: dict[str, dict[str, Any]] = {
    'hand-made': {'color': BASE, 'linewidth': 3.2, 'zorder': 3},
    'known': {'color': THIRD, 'linestyle': '--'},
    'found': {'color': FOUND},
}


def draw_lengths(table: Table, scale: Scale) -> Figure | None:
    """The figure ``lengths``; None without a funnel.

    Args:
        table: The table of ``facts.lengths.length_scores``.
        scale: The metric.
    """
    rows = [row for row in table.to_json() if row['mean'] is not None]
    if not rows:
        return None
    title = 'Scores over the length of the training'
    caption = (
        'A line is a loss, a bar its spread over seeds, a cross a found loss that falls: it is not better than the best of '
        'the others at that length. The length is a multiple of that of a candidate.'
    )
    with new_axes(WIDTH, HEIGHT) as (figure, axes):
        for name in dict.fromkeys(row['losses'] for row in rows):
            _draw_loss(axes, [row for row in rows if row['losses'] == name])
        times = sorted({row['times'] for row in rows})
        axes.set(xscale='log', xlabel='length', ylabel=scale.metric)
        axes.set_xticks(times, [f'{length:g}x' for length in times])
        axes.set_xticks([], minor=True)
        _label_kinds(axes, [row['kind'] for row in rows])
        put_legend(figure)
        return Figure('lengths', title, caption, table, to_svg(figure, 'lengths', f'{title}. {caption}'))


def _draw_loss(axes: Any, rows: list[dict[str, Any]]) -> None:
    look = _LOOKS[rows[0]['kind']]
    spreads = [row['spread'] or 0.0 for row in rows]
    axes.errorbar([row['times'] for row in rows], [row['mean'] for row in rows], spreads, marker='o', ms=4, **look)
    for row in rows:
        if row['fate'] == 'falls':
            axes.plot(row['times'], row['mean'], 'x', color=FAULT, markersize=8, zorder=4)
    if rows[0]['kind'] != 'hand-made':
        place = (rows[-1]['times'], rows[-1]['mean'])
        axes.annotate(str(rows[0]['trial']), place, (6, 0), textcoords='offset points', va='center', fontsize=SIZE)


def _label_kinds(axes: Any, kinds: list[str]) -> None:
    for kind in dict.fromkeys(kinds):
        axes.plot([], [], label=kind, **_LOOKS[kind])
