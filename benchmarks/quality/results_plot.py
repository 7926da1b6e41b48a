"""The forest plots of docs/short_trainings.md: differences to the hand-made losses with their intervals, a panel each."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from comparisons import Comparison, Loss

from mmautoloss.report.statistics import Difference

FOUND, KNOWN = '#4e79a7', '#888888'
ROOM = 14
"""Losses of a panel up to which known losses with a balanced weight are drawn too."""

Row = tuple[Loss, Difference]


def plot_differences(comparisons: Sequence[Comparison], path: Path) -> bool:
    """Draws one panel a comparison; False, and no figure, where none has an interval to draw."""
    from matplotlib.figure import Figure

    panels = [(each, rows) for each in comparisons if (rows := drawn_rows(each))]
    if not panels:
        return False
    sizes = [sum(map(_height, rows)) + 3.4 for _, rows in panels]  # in lines, with the title and what is below
    lines = [max(sizes[k : k + 2]) for k in range(0, len(sizes), 2)]
    figure = Figure(figsize=(9, 0.23 * sum(lines) + 0.4), layout='constrained')
    axes = figure.subplots(len(lines), 2, squeeze=False, gridspec_kw={'height_ratios': lines}).ravel()
    for axis, (comparison, rows) in zip(axes, panels, strict=False):
        peers = [row for each, rows in panels if _scale(each) == _scale(comparison) for row in rows]
        _forest(axis, rows, limits(peers))
        _name(axis, comparison)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    _legend(figure, [row for _, rows in panels for row in rows])
    figure.savefig(path, dpi=150)
    return True


def drawn_rows(comparison: Comparison) -> list[Row]:
    """The losses of a panel with their differences: those with enough seeds, balanced ones only where there is room."""
    if comparison.hand_made is None:
        return []
    losses = [loss for loss in comparison.losses if loss.kind != 'hand-made']
    if len(losses) > ROOM:
        losses = [loss for loss in losses if not loss.balanced]
    rows = [(loss, loss.against(comparison.hand_made)) for loss in losses]
    return [(loss, difference) for loss, difference in rows if difference is not None]


def limits(rows: Sequence[Row]) -> tuple[float, float]:
    """Ends of the axis: all intervals, but for known losses so far off that the found ones would shrink to points."""
    kept = [difference for loss, difference in rows if loss.kind == 'found'] or [each for _, each in rows]
    low, high = _extent(kept)
    kept += [each for _, each in rows if 3 * low - 2 * high <= each.mean <= 3 * high - 2 * low]
    left, right = _extent(kept)
    off = [each.mean for _, each in rows if not left <= each.mean <= right]
    margin, room = 0.05 * (right - left), 0.25 * (right - left)  # room for the values of those that are off
    return (
        left - (room if any(value < left for value in off) else margin),
        right + (room if any(value > right for value in off) else margin),
    )


def _extent(differences: Sequence[Difference]) -> tuple[float, float]:
    """The range of intervals and zero."""
    low = min(0.0, *(each.low for each in differences))
    return low, max(low + 1e-9, 0.0, *(each.high for each in differences))


def _scale(comparison: Comparison) -> tuple[str, str]:
    """Panels that share it have the same axis."""
    return comparison.set, comparison.metric


def _forest(axis: Any, rows: Sequence[Row], ends: tuple[float, float]) -> None:
    heights = [_height(row) for row in rows]
    places = [below - height / 2 for below, height in zip(accumulate(heights), heights, strict=True)]
    for place, (loss, difference) in zip(places, rows, strict=True):
        colour = FOUND if loss.kind == 'found' else KNOWN
        style = {'color': colour, 'markersize': 5, 'markerfacecolor': 'white' if loss.balanced else colour}
        if ends[0] <= difference.mean <= ends[1]:
            axis.hlines(place, difference.low, difference.high, color=colour, linewidth=2)
            axis.plot(difference.mean, place, 'o', **style)
        else:
            _point_off(axis, place, difference.mean, style)
    axis.axvline(0, color='black', linewidth=1)
    axis.set_xlim(ends)
    axis.set_ylim(sum(heights), 0)
    axis.set_yticks(places, [short(loss.label) for loss, _ in rows], fontsize=8)
    axis.tick_params(axis='x', labelsize=8)
    axis.locator_params(axis='x', nbins=6)
    axis.grid(axis='x', alpha=0.3)


def _point_off(axis: Any, place: float, value: float, style: dict[str, Any]) -> None:
    """An arrow at the edge with the value that lies beyond it."""
    where = {'transform': axis.get_yaxis_transform(), 'clip_on': False}
    left = value < 0
    axis.plot(0.02 if left else 0.98, place, '<' if left else '>', **where, **style)
    side = 'left' if left else 'right'
    axis.text(0.04 if left else 0.96, place, f'{value:+.3f}', ha=side, va='center', fontsize=8, **where)


def _name(axis: Any, comparison: Comparison) -> None:
    network = comparison.network.removeprefix(f'{comparison.set}_')
    title = f'{comparison.set}, {comparison.metric.replace("coco/", "")}, {network}'
    axis.set_title(f'{title}\n{comparison.setting.length}', fontsize=9)
    reference = comparison.hand_made
    name = short(reference.label.removesuffix(', hand-made'), 36)
    lower = '' if comparison.greater else ', lower is better'
    axis.set_xlabel(f'difference to hand-made {name} ({reference.mean:.3f}){lower}', fontsize=8)


def short(label: str, width: int = 26) -> str:
    """A label on at most three lines, broken after a ``+``.

    Example:
        >>> short('bce+smooth_l1+focal_softmax+smooth_l1').splitlines()
        ['bce+smooth_l1+', 'focal_softmax+smooth_l1']
    """
    spaced = re.sub(r'(?<=\w)\+', '+ ', label)  # not the sums of expressions, which have their spaces
    lines = textwrap.wrap(spaced, width, max_lines=3, placeholder=' …', break_on_hyphens=False)
    return '\n'.join(re.sub(r'(?<=\w)\+ ', '+', line) for line in lines)


def _height(row: Row) -> float:
    return 0.5 + 0.5 * (1 + short(row[0].label).count('\n'))


def _legend(figure: Any, rows: Sequence[Row]) -> None:
    from matplotlib.lines import Line2D

    kinds = {
        'found': (FOUND, FOUND, any(loss.kind == 'found' for loss, _ in rows)),
        'known': (KNOWN, KNOWN, any(loss.kind == 'known' and not loss.balanced for loss, _ in rows)),
        'known, balanced': (KNOWN, 'white', any(loss.balanced for loss, _ in rows)),
    }
    handles = [
        Line2D([], [], marker='o', linewidth=2, markersize=5, color=colour, markerfacecolor=face, label=label)
        for label, (colour, face, present) in kinds.items()
        if present
    ]
    figure.legend(handles=handles, loc='outside lower center', ncols=3, fontsize=8, frameon=False)
