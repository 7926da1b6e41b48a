"""The drawing of the scores along the ancestry of a found loss."""

from __future__ import annotations

from collections.abc import Sequence

from mmautoloss.report.facts.ancestry import Ancestor, ancestry_table
from mmautoloss.report.figures.canvas import BASE, FOUND, SIZE, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure

_MAX_TICKS = 14


def draw_ancestry(name: str, title: str, line: Sequence[Ancestor], baseline: Sequence[float]) -> Figure:
    """Scores along a line of trials, oldest first, with those of the hand-made losses.

    Args:
        name: Name of the figure.
        title: Title of the figure.
        line: The trials.
        baseline: Scores of the hand-made losses, one for each seed.
    """
    with new_axes(5.4, 2.6) as (figure, axes):
        if baseline:
            axes.axhspan(min(baseline), max(baseline), color=BASE, alpha=0.18, linewidth=0)
            axes.axhline(sum(baseline) / len(baseline), color=BASE, linestyle='--', label='hand-made, mean and range')
        steps = range(len(line))
        axes.plot(
            steps, [_nan_if_missing(ancestor.score) for ancestor in line], color=FOUND, marker='o', label='this line'
        )
        stride = -(-len(line) // _MAX_TICKS)
        axes.set_xticks(steps[::stride], [str(ancestor.number) for ancestor in line[::stride]])
        axes.set_xlim(-0.4, max(len(line) - 0.6, 0.4))
        axes.set_xlabel('trial')
        axes.set_ylabel('score')
        figure.legend(loc='outside upper center', ncols=2, fontsize=SIZE)
        svg = to_svg(figure, name, title)
    caption = 'Scores of one training each, from the first ancestor on; each trial was bred from the one to its left.'
    return Figure(name, title, caption, ancestry_table(tuple(line)), svg)


def _nan_if_missing(score: float | None) -> float:
    return float('nan') if score is None else score
