"""The drawing of scores by size of the expressions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import FOUND, FOURTH, INK, SIZE, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import HEIGHT, MOST, WIDTH, draw_baseline, limits, put_legend, thin
from mmautoloss.trial import Scale

_STYLES = {
    'search': ('candidate', {'marker': 'o', 'color': FOUND, 'markersize': 4.5, 'alpha': 0.75}),
    'known': ('known loss', {'marker': 'D', 'color': THIRD, 'markersize': 5}),
}
_MAX_LABELS = 8
"""Number of the best trials on the Pareto front that are labelled."""

Row = dict[str, Any]


def draw_sizes(table: Table, baseline: Sequence[float], scale: Scale) -> Figure | None:
    """The figure ``sizes``; None where no candidate has a score.

    Args:
        table: The table of ``facts.sizes.sizes_of``.
        baseline: Scores of the hand-made losses, as the metric reports them.
        scale: The metric.
    """
    rows = table.to_json()
    if not rows:
        return None
    title = 'Score against size'
    caption = (
        'Nodes of the expressions of all branches, and the first score, of the seed that all candidates share. The line '
        'joins those that no other beats with as few nodes; squares are means over several seeds.'
    )
    if len(rows) > MOST:
        caption += f' At most {MOST} points of a kind are drawn.'
    with new_axes(WIDTH, HEIGHT) as (figure, axes):
        draw_baseline(axes, baseline)
        for role, (label, style) in _STYLES.items():
            points = thin([row for row in rows if row['role'] == role])
            if points:
                scores = [row['score'] for row in points]
                axes.plot([row['nodes'] for row in points], scores, linestyle='none', label=label, **style)
        _draw_means(axes, [row for row in rows if row['seeds'] > 1])
        _draw_front(axes, sorted((row for row in rows if row['front']), key=lambda row: row['nodes']))
        ends = limits([*(row['score'] for row in rows), *(row['mean'] for row in rows), *baseline], scale.greater)
        axes.set(xlabel='nodes', ylabel=scale.metric, ylim=ends)
        put_legend(figure)
        return Figure('sizes', title, caption, table, to_svg(figure, 'sizes', f'{title}. {caption}'))


def _draw_front(axes: Any, front: Sequence[Row]) -> None:
    sizes, scores = [row['nodes'] for row in front], [row['score'] for row in front]
    axes.step(sizes, scores, where='post', color=INK, linewidth=1, zorder=1)
    axes.plot(sizes, scores, 'o', color=INK, fillstyle='none', markersize=8, label='Pareto front')
    for row in front[-_MAX_LABELS:]:
        point = (row['nodes'], row['score'])
        axes.annotate(f'{row["trial"]}', point, (6, 4), textcoords='offset points', fontsize=SIZE)


def _draw_means(axes: Any, rows: Sequence[Row]) -> None:
    """Draws means over seeds, each joined to its first score by a line."""
    for row in rows:
        axes.plot([row['nodes']] * 2, [row['score'], row['mean']], color=FOURTH, linewidth=0.8, linestyle=':')
    if rows:
        sizes, means = [row['nodes'] for row in rows], [row['mean'] for row in rows]
        style = {'color': FOURTH, 'fillstyle': 'none', 'markersize': 5}
        axes.plot(sizes, means, 's', label='mean over seeds', **style)
