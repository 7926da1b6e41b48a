"""The drawing of the operators of good losses and of all losses."""

from __future__ import annotations

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import FOUND, GRID, INK, MUTED, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import WIDTH, put_legend


def draw_operators(table: Table) -> Figure | None:
    """The figure ``operators``; None where too few candidates were trained.

    Args:
        table: The table of ``facts.operators.operators_of``.
    """
    rows = table.to_json()
    if not rows:
        return None
    title = 'Operators of the best quarter'
    good, trained = rows[0]['of_good'], rows[0]['of_all']
    caption = (
        f'Share of the best {good} candidates that have an operator, with its 95% interval, beside that of all {trained} '
        'that were trained; what the best have more often stands above. Candidates are relatives, so an operator may be '
        'frequent by descent.'
    )
    places = range(len(rows))
    with new_axes(WIDTH, 0.9 + 0.26 * len(rows)) as (figure, axes):
        axes.hlines(places, 0, 1, color=GRID, linewidth=0.6)
        axes.hlines(
            places, [row['low'] for row in rows], [row['high'] for row in rows], color=FOUND, linewidth=1, alpha=0.6
        )
        axes.plot(
            [row['all_share'] for row in rows],
            places,
            '|',
            color=MUTED,
            markersize=11,
            markeredgewidth=2.2,
            label='all trained',
        )
        axes.plot([row['good_share'] for row in rows], places, 'o', color=FOUND, markersize=6, label='best quarter')
        axes.set(
            yticks=places,
            yticklabels=[row['operator'] for row in rows],
            ylim=(len(rows) - 0.5, -0.5),
            xlim=(-0.02, 1.02),
        )
        axes.set(xlabel='share of candidates', xticks=[0, 0.25, 0.5, 0.75, 1])
        axes.xaxis.set_major_formatter(lambda value, _: f'{value:.0%}')
        axes.tick_params(axis='y', labelcolor=INK, length=0)
        axes.grid(axis='y', visible=False)
        put_legend(figure)
        return Figure('operators', title, caption, table, to_svg(figure, 'operators', f'{title}. {caption}'))
