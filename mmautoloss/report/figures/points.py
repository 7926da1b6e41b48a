"""Shared parts of the drawings of scores: thinning, limits, the line and band of the hand-made losses."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import Any

from mmautoloss.report.figures.canvas import BASE, SIZE
from mmautoloss.report.statistics import spread

WIDTH, HEIGHT = 5.4, 3.5
"""Size in inches: two figures fit side by side on a wide screen, and one is readable on a narrow one."""

MOST = 800
"""Maximum number of points of a kind that are drawn; the table has all of them."""


def thin(rows: Sequence[Any], most: int = MOST) -> Sequence[Any]:
    """At most ``most`` evenly spaced rows, including the first and the last.

    Example:
        >>> thin(range(11), 3)
        [0, 5, 10]
    """
    if len(rows) <= most:
        return rows
    return [rows[index * (len(rows) - 1) // (most - 1)] for index in range(most)]


def limits(scores: Sequence[float], greater: bool, tail: float = 0.05) -> tuple[float, float]:
    """Limits of an axis of scores, without the worst scores where these would compress all others.

    Args:
        scores: The drawn scores.
        greater: Whether a higher score is better.
        tail: Share of the scores that may be cut off at the bad end.
    """
    ordered = sorted(scores, reverse=not greater)  # worst first
    worst, best, core = ordered[0], ordered[-1], ordered[int(tail * len(ordered))]
    if abs(best - worst) > 4 * abs(best - core) > 0:
        worst = core
    low, high = min(worst, best), max(worst, best)
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def draw_baseline(axes: Any, scores: Sequence[float], along: str = 'h') -> None:
    """Draws the mean of the hand-made losses, and their spread as a band.

    Args:
        axes: Axes to draw on.
        scores: One score for each seed; nothing is drawn without any.
        along: ``'h'`` if scores are on the y axis, ``'v'`` if they are on the x axis.
    """
    if not scores:
        return
    line, band = (axes.axhline, axes.axhspan) if along == 'h' else (axes.axvline, axes.axvspan)
    center, noise = mean(scores), spread(scores)
    line(center, color=BASE, label='hand-made (mean, spread)' if noise else 'hand-made')
    if noise:
        band(center - noise, center + noise, color=BASE, alpha=0.16, linewidth=0)


def put_legend(figure: Any, columns: int = 2) -> None:
    """Adds a legend above the axes, unless nothing has a label."""
    if any(axes.get_legend_handles_labels()[0] for axes in figure.axes):
        style = {'fontsize': SIZE, 'handletextpad': 0.4, 'columnspacing': 1.2, 'borderpad': 0}
        figure.legend(loc='outside upper left', ncols=columns, **style)


def draw_failed(axes: Any, places: Sequence[float], colour: str) -> None:
    """Draws failed trials, which have no score, as crosses along the lower end."""
    if places:
        axes.plot(
            places, [0.02] * len(places), 'x', color=colour, markersize=5, transform=axes.get_xaxis_transform(),
            label='failed (no score)', clip_on=False,
        )  # fmt: skip


def plain_powers(axis: Any) -> None:
    """Labels the powers of ten of a logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    axis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    for size, letter in ((1e9, 'G'), (1e6, 'M'), (1e3, 'k')):
        if value >= size:
            return f'{value / size:g}{letter}'
    return f'{value:g}'
