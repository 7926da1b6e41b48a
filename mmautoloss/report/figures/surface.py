"""Drawings of found and hand-made box losses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mmautoloss.report.facts.surface import BoxLine, Surface, lines_table, surfaces_table
from mmautoloss.report.figures.canvas import INK, MUTED, SIZE, new_axes, to_svg
from mmautoloss.report.figures.curves import COLOURS, WIDTHS, from_target, gaps, robust_limits, robust_range
from mmautoloss.report.figures.figure import Figure

_SCALES = (0.25, 0.5, 1, 2, 4)
_LEVELS = 8


def draw_lines(name: str, title: str, caption: str, lines: Mapping[str, tuple[BoxLine, ...]]) -> Figure:
    """Loss (above) and derivative (below) over the shift and over the scale of a box.

    Args:
        name: Name of the figure.
        title: Title of the figure.
        caption: Start of the caption, before the explanation of the drawing.
        lines: Both lines by loss, ``'hand-made'`` and ``'found'`` or ``STAGES``; the first may be absent.
    """
    with new_axes(5.4, 4.4, nrows=2, ncols=2, sharex='col') as (figure, panels):
        for column, moved in enumerate(('shift', 'scale')):
            chosen = {key: next(line for line in group if line.moved == moved) for key, group in lines.items()}
            _draw(
                panels[0, column],
                chosen,
                {key: from_target(line.value, line.at_target) for key, line in chosen.items()},
            )
            _draw(panels[1, column], chosen, {key: line.slope for key, line in chosen.items()})
            panels[1, column].set_xlabel(f'{moved}, in sides of the target')
        panels[0, 0].set_ylabel('loss')
        panels[1, 0].set_ylabel('derivative')
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc='outside upper center', ncols=2, fontsize=SIZE)
        svg = to_svg(figure, name, title)
    text = (
        f'{caption} Left: a box of the size of the target is moved along one side. Right: a box about the centre of the '
        'target grows. The loss is drawn from its value at the target on; both times loss_weight.'
    )
    return Figure(name, title, text, lines_table(dict(lines)), svg)


def draw_surfaces(name: str, title: str, caption: str, surfaces: Mapping[str, Surface]) -> Figure:
    """Contours of the losses over shift and scale of a box, side by side.

    Args:
        name: Name of the figure.
        title: Title of the figure.
        caption: Start of the caption, before the explanation of the drawing.
        surfaces: Surfaces by loss, ``'hand-made'`` and ``'found'`` or the last of ``STAGES``; the first may be absent.
    """
    count = len(surfaces)
    with new_axes(2.7 * count + 0.2, 2.9, ncols=count, sharey=True, squeeze=False) as (figure, panels):
        for axes, (key, surface) in zip(panels[0], surfaces.items(), strict=True):
            _contours(axes, surface, COLOURS[key])
            axes.set_title(key, fontsize=SIZE, color=COLOURS[key])
            axes.set_xlabel('shift, in sides')
        panels[0, 0].set_ylabel('scale')
        svg = to_svg(figure, name, title)
    text = (
        f'{caption} Level lines of the loss (times loss_weight, from its value at the target on) of a box that is moved '
        'along one side of the target and has so many times its sides. The cross is the target, the ring the lowest value: '
        'a good loss has both in one place.'
    )
    return Figure(name, title, text, surfaces_table(dict(surfaces)), svg)


def lowest(surface: Surface) -> tuple[float, float] | None:
    """Shift and scale of the lowest finite value, among equal ones the nearest to the target; None without any."""
    points = (
        (value, shift + abs(math.log2(scale)), shift, scale)
        for scale, values in zip(surface.scale, surface.value, strict=True)
        for shift, value in zip(surface.shift, values, strict=True)
        if math.isfinite(value)
    )
    best = min(points, default=None)
    return best and best[2:]


def _draw(axes: Any, lines: Mapping[str, BoxLine], values: Mapping[str, Sequence[float]]) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.8)
    for key, line in lines.items():
        axes.plot(line.at, gaps(values[key]), color=COLOURS[key], linewidth=WIDTHS[key], label=key)
    axes.set_ylim(*robust_limits(gaps(line) for line in values.values()))
    axes.margins(x=0.02)


def _contours(axes: Any, surface: Surface, colour: str) -> None:
    from matplotlib.ticker import MaxNLocator

    flat = gaps(from_target([value for values in surface.value for value in values], surface.at_target))
    rows = [flat[start : start + len(surface.shift)] for start in range(0, len(flat), len(surface.shift))]
    low, high = robust_range([flat], share=0.05)
    levels = [level for level in MaxNLocator(_LEVELS).tick_values(min(low, 0), max(high, 0)) if level != 0]
    if any(min(levels) < value < max(levels) for value in flat):
        style = {'colors': colour, 'linewidths': 1.2, 'linestyles': 'solid'}
        lines = axes.contour(surface.shift, surface.scale, rows, levels=levels, **style)
        axes.clabel(lines, fontsize=SIZE, fmt=lambda level: f'{level:.4g}')
    axes.set_yscale('log', base=2)
    axes.set_yticks(_SCALES, [f'{scale:g}' for scale in _SCALES])
    axes.grid(False)
    axes.plot(0, 1, marker='+', color=INK, markersize=9, clip_on=False)
    best = lowest(surface)
    if best:
        axes.plot(*best, marker='o', color=INK, markersize=9, markerfacecolor='none', clip_on=False)
