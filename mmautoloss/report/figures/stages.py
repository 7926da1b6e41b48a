"""The drawing of the time by stage."""

from __future__ import annotations

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import FOUND, INK, MUTED, SIZE, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import WIDTH
from mmautoloss.report.words import span


def draw_stages(table: Table) -> Figure | None:
    """The figure ``stages``; None where no time is known.

    Args:
        table: The table of ``facts.times.stages_of``.
    """
    rows = table.to_json()
    if not rows:
        return None
    title = 'Time by stage'
    caption = (
        'Stages of the workers as shares of their time, all slots together; waiting is what no training accounts for. The '
        'driver draws and screens while the workers train: its share is of the hours of search.'
    )
    colours = [THIRD if row['by'] == 'driver' else MUTED if row['stage'] == 'waiting' else FOUND for row in rows]
    with new_axes(WIDTH, 0.6 + 0.3 * len(rows)) as (figure, axes):
        axes.barh(range(len(rows)), [row['share'] for row in rows], height=0.66, color=colours)
        for place, row in enumerate(rows):
            text = f'{span(3600 * row["hours"])} · {row["share"]:.1%}'
            axes.annotate(text, (row['share'], place), (4, 0), textcoords='offset points', va='center', fontsize=SIZE)
        axes.set(yticks=range(len(rows)), yticklabels=[f'{row["stage"]} ({row["by"]})' for row in rows])
        axes.set(xlim=(0, 1.3 * max(row['share'] for row in rows) or 1))
        axes.xaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
        axes.invert_yaxis()
        axes.tick_params(axis='y', labelcolor=INK, length=0)
        axes.grid(axis='y', visible=False)
        return Figure('stages', title, caption, table, to_svg(figure, 'stages', f'{title}. {caption}'))
