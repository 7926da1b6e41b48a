"""The drawing of scores over the generations of a relay."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.report.facts.table import Table
from mmautoloss.report.figures.canvas import FOUND, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure
from mmautoloss.report.figures.points import HEIGHT, WIDTH, draw_baseline, put_legend
from mmautoloss.trial import Scale


def draw_relay(table: Table, baseline: Sequence[float], scale: Scale) -> Figure | None:
    """The figure ``relay``; None where no generation of a relay has a score.

    Args:
        table: The table of ``facts.relay.relay_table``.
        baseline: Scores of the hand-made losses.
        scale: The metric.
    """
    rows = [row for row in table.to_json() if row['best'] is not None]
    if not rows:
        return None
    title = 'Scores over the generations'
    caption = (
        'The line is the best network of each generation, from which the next goes on; the band spans its candidates. '
        'Hand-made losses are those of a whole training, with which only the last generation can be compared, and that one '
        'was chosen by these scores.'
    )
    places = [row['iterations'] for row in rows]
    with new_axes(WIDTH, HEIGHT) as (figure, axes):
        draw_baseline(axes, baseline)
        ends = [[row[column] for row in rows] for column in ('least', 'best')]
        axes.fill_between(places, *ends, color=FOUND, alpha=0.2, linewidth=0)
        axes.plot(places, ends[1], color=FOUND, marker='o', markersize=4, label='best of a generation')
        axes.set(xlabel='iterations', ylabel=scale.metric)
        put_legend(figure)
        return Figure('relay', title, caption, table, to_svg(figure, 'relay', f'{title}. {caption}'))
