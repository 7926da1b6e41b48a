"""Drawings of found and hand-made losses over a single prediction."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mmautoloss.report.facts.curves import SCORES, Curve, curves_table
from mmautoloss.report.figures.canvas import BASE, FOUND, FOURTH, MUTED, SIZE, THIRD, new_axes, to_svg
from mmautoloss.report.figures.figure import Figure

STAGES = {'found, t = 0': 0.0, 'found, t = 1/2': 0.5, 'found, t = 1': 1.0}
"""Names of a found loss that reads the elapsed share of the training, by which it is drawn several times."""

EARLIER = tuple(STAGES)[:-1]

COLOURS = {
    **dict(zip(STAGES, (THIRD, FOURTH, FOUND), strict=True)),
    'found': FOUND,
    'hand-made': BASE,
}
"""The losses of a drawing; the found one is drawn last and thinner, so that both show where they coincide."""

WIDTHS = {**dict.fromkeys(COLOURS, 1.4), 'hand-made': 3.0}
_EXTREME = 4
_DASHES: dict[float, Any] = {1.0: 'solid', 0.0: (0, (4, 2))}


def draw_curves(name: str, title: str, caption: str, inputs: str, curves: Mapping[str, tuple[Curve, ...]]) -> Figure:
    """Value and gradient of losses side by side.

    Args:
        name: Name of the figure.
        title: Title of the figure.
        caption: Start of the caption, before the explanation of the drawing.
        inputs: Kind of input of the losses.
        curves: Curves by loss, ``'hand-made'`` and ``'found'`` or ``STAGES``; the first may be absent.
    """
    with new_axes(5.4, 2.9, ncols=2) as (figure, (values, slopes)):
        moved = {key: [from_target(curve.value, curve.at_target) for curve in group] for key, group in curves.items()}
        _draw(values, curves, moved)
        _draw(slopes, curves, {key: [curve.by_raw for curve in group] for key, group in curves.items()})
        values.set_title('loss', fontsize=SIZE)
        slopes.set_title('gradient by the score' if inputs in SCORES else 'gradient', fontsize=SIZE)
        for axes in (values, slopes):
            axes.set_xlabel('p - y' if inputs in ('delta', 'keypoint', 'motion') else 'prediction p')
        _legend(figure, curves)
        svg = to_svg(figure, name, title)
    return Figure(name, title, f'{caption} {_reading(inputs)}', curves_table(dict(curves)), svg)


def robust_range(lines: Iterable[Iterable[float]], share: float = 0.08) -> tuple[float, float]:
    """A range that shows the shapes of all lines without their extreme points; (0, 0) without any lines.

    Args:
        lines: Values by line; values that are not finite are ignored.
        share: Share of the lowest and of the highest values of each line that may be cut off.
    """
    kept = [sorted(value for value in line if math.isfinite(value)) for line in lines]
    kept = [line[int(share * len(line)) : math.ceil((1 - share) * len(line))] for line in kept if line]
    return min((line[0] for line in kept), default=0.0), max((line[-1] for line in kept), default=0.0)


def robust_limits(lines: Iterable[Iterable[float]]) -> tuple[float, float]:
    """Limits of an axis: ``robust_range`` extended by 0 and a margin."""
    low, high = robust_range(lines)
    low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.08 * (high - low) or 1.0
    return low - margin, high + margin


def gaps(values: Iterable[float]) -> list[float]:
    """The values, with NaN (a gap in the line) for those that are not finite or too large to be drawn."""
    return [value if abs(value) < 1e30 else math.nan for value in values]


def from_target(values: Sequence[float], at_target: float) -> list[float]:
    """The values minus the value at the target, since a constant does not train; unchanged if that value is extreme."""
    low, high = robust_range([values])
    extreme = not abs(at_target - (low + high) / 2) <= _EXTREME * (high - low)
    return [value - (0.0 if extreme else at_target) for value in values]


def _draw(axes: Any, curves: Mapping[str, tuple[Curve, ...]], lines: Mapping[str, Sequence[Sequence[float]]]) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.8)
    for key, group in curves.items():
        for curve, line in zip(group, lines[key], strict=True):
            style = {'color': COLOURS[key], 'linewidth': WIDTHS[key], 'linestyle': _DASHES[curve.y]}
            axes.plot(_x_values(curve), gaps(line), **style)
    axes.set_ylim(*robust_limits(gaps(line) for group in lines.values() for line in group))
    axes.margins(x=0.02)


def _x_values(curve: Curve) -> list[float]:
    """Predictions; where these are unbounded, their differences from the target."""
    unbounded = curve.prediction[-1] - curve.prediction[0] > 2
    return [value - curve.y * unbounded for value in curve.prediction]


def _legend(figure: Any, curves: Mapping[str, tuple[Curve, ...]]) -> None:
    from matplotlib.lines import Line2D

    entries = [
        Line2D([], [], color=COLOURS[key], linewidth=WIDTHS[key], linestyle=_DASHES[curve.y], label=_label(key, curve))
        for key, group in curves.items()
        for curve in group
    ]
    figure.legend(handles=entries, loc='outside upper center', ncols=2, fontsize=SIZE, handlelength=3.2)


def _label(key: str, curve: Curve) -> str:
    return f'{key}, y = {curve.y:g}'


def _reading(inputs: str) -> str:
    by = ' by the raw score of the network' if inputs in SCORES else ''
    return (
        f'Left: the loss, from its value at a right prediction on. Right: its gradient{by}; below 0 descent raises p. Both '
        'times loss_weight; steep ends are cut off.'
    )
