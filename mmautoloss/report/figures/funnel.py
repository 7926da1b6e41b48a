"""The drawing of the funnel of screening."""

from __future__ import annotations

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import FAULT, FOUND, INK, MUTED, SIZE, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import WIDTH, plain_powers

_WHOLE = {'expressions': 'expressions drawn', 'candidates': 'candidates'}
_COLOURS = {'accepted': FOUND, 'trained': FOUND, 'failed': FAULT}


def draw_funnel(table: Table) -> Figure | None:
    """The figure ``funnel``; None where nothing was drawn.

    Args:
        table: The table of ``facts.funnel.funnel_of``.
    """
    rows = table.to_json()
    if not rows:
        return None
    title = 'Funnel of screening'
    caption = (
        'On a scale of powers of ten: expressions by verdict of the screen, and candidates by what became of them.'
    )
    kinds = list(dict.fromkeys(row['of'] for row in rows))
    places = [index + 0.7 * kinds.index(row['of']) for index, row in enumerate(rows)]
    counts = [row['count'] for row in rows]
    with new_axes(WIDTH, 0.6 + 0.26 * (len(rows) + 1)) as (figure, axes):
        axes.barh(places, counts, height=0.66, color=[_COLOURS.get(row['outcome'], MUTED) for row in rows], left=0.6)
        for place, row in zip(places, rows, strict=True):
            text = f'{row["count"]:,}'.replace(',', ' ') + f' · {_percent(row["share"])}' * (row['share'] < 1)
            axes.annotate(
                text, (0.6 + row['count'], place), (4, 0), textcoords='offset points', va='center', fontsize=SIZE
            )
        labels = [_WHOLE[row['of']] if row['outcome'] in ('drawn', 'all') else row['outcome'] for row in rows]
        axes.set(xscale='log', xlim=(0.6, 12 * max(counts)), yticks=places, yticklabels=labels)
        plain_powers(axes.xaxis)
        axes.invert_yaxis()
        axes.tick_params(axis='y', labelcolor=INK, length=0)
        axes.grid(axis='y', visible=False)
        return Figure('funnel', title, caption, table, to_svg(figure, 'funnel', f'{title}. {caption}'))


def _percent(share: float) -> str:
    return f'{share:.0%}' if share >= 0.1 else f'{100 * share:.2g} %'.replace(' %', '%')
