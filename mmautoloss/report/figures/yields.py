"""The drawing of the yield and speed of screening over a search."""

from __future__ import annotations

from typing import Any

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import FOUND, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import HEIGHT, WIDTH, plain_powers


def draw_yields(table: Table) -> Figure | None:
    """The figure ``yields``; None where no candidate was bred.

    Args:
        table: The table of ``facts.yields.yields_of``.
    """
    rows = table.to_json()
    if not rows:
        return None
    title = 'Yield and speed of screening'
    timed = any(row['per_minute'] for row in rows)
    caption = (
        'Candidates in groups of equal number, by trial. Children of good losses pass far more often than fresh graphs do, '
        'so the yield leaps.'
    )
    caption += (
        ' Expressions a minute count all the time of proposing.'
        if timed
        else ' When candidates were drawn is unknown.'
    )
    with new_axes(WIDTH, HEIGHT if timed else HEIGHT / 1.6, nrows=1 + timed, sharex=True, squeeze=False) as (
        figure,
        grid,
    ):
        _draw(grid[0][0], rows, 'per_1000', 'accepted\nof 1000 drawn', FOUND)
        if timed:
            _draw(grid[1][0], rows, 'per_minute', 'expressions\na minute', THIRD)
        grid[-1][0].set(xlabel='trial')
        return Figure('yields', title, caption, table, to_svg(figure, 'yields', f'{title}. {caption}'))


def _draw(axes: Any, rows: list[dict[str, Any]], column: str, label: str, colour: str) -> None:
    known = [row for row in rows if row[column]]
    axes.hlines(
        [row[column] for row in known], [row['first'] for row in known], [row['last'] + 1 for row in known], color=colour,
        linewidth=2.4,
    )  # fmt: skip
    axes.plot(
        [(row['first'] + row['last'] + 1) / 2 for row in known],
        [row[column] for row in known],
        color=colour,
        linewidth=0.7,
    )
    axes.set(yscale='log', ylabel=label)
    plain_powers(axes.yaxis)
