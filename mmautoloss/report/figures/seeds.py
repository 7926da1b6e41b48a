"""The drawing of the scores of losses that were trained with several seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.report.facts.seeds import FRESH, of_one_length
from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import BASE, FOUND, INK, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import WIDTH, draw_baseline, put_legend
from mmautoloss.trial import Scale

_COLOURS = {'hand-made': BASE, 'found': FOUND, 'known': THIRD}


def draw_seeds(table: Table, scale: Scale) -> Figure | None:
    """The figure ``seeds``; None where nothing has a score.

    Args:
        table: The table of ``facts.seeds.seeds_of``.
        scale: The metric.
    """
    rows = of_one_length(table.to_json())
    if not rows:
        return None
    names = list(dict.fromkeys(row['losses'] for row in rows))
    title = 'Seed by seed'
    caption = (
        'A point is one training. Squares have fresh seeds, which chose nothing. Hollow points chose, and are too high on '
        'average. The bar is the mean of the squares, or of all points where there are none; the band is the spread of the '
        'hand-made losses.'
    )
    if rows[0]['times'] != 1:
        caption += f' All trainings are {rows[0]["times"]:g} times as long as that of a candidate.'
    with new_axes(WIDTH, 0.9 + 0.32 * len(names)) as (figure, axes):
        draw_baseline(
            axes, [row['score'] for row in _result([r for r in rows if r['kind'] == 'hand-made'])], along='v'
        )
        for place, name in enumerate(names):
            _draw_losses(axes, [row for row in rows if row['losses'] == name], place)
        axes.set(xlabel=scale.metric, yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        axes.tick_params(axis='y', labelcolor=INK, length=0)
        axes.grid(axis='y', visible=False)
        put_legend(figure)
        return Figure('seeds', title, caption, table, to_svg(figure, 'seeds', f'{title}. {caption}'))


def _draw_losses(axes: Any, rows: list[Mapping[str, Any]], place: int) -> None:
    colour = _COLOURS[rows[0]['kind']]
    scores = [row['score'] for row in _result(rows)]
    mean = sum(scores) / len(scores)
    axes.plot([mean, mean], [place - 0.3, place + 0.3], color=colour, linewidth=2.4)
    for row in rows:
        marker, fill = 's' if row['role'] == FRESH else 'o', 'none' if row['chosen_by'] else 'full'
        axes.plot(row['score'], place, marker, color=colour, fillstyle=fill, markersize=6)


def _result(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows with fresh seeds, or all where there are none."""
    return [row for row in rows if row['role'] == FRESH] or rows
