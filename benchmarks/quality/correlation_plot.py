"""The figure of correlations: scores of a search against those of trainings that are several times as long."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from search_tables import tau_text

from mmautoloss.engine.training.longer_training import read_pairs
from mmautoloss.report.correlation import Correlation, correlation_of

HAND_MADE = 0
"""A search begins with the hand-made losses."""


def read_correlations(paths: Iterable[Path]) -> dict[str, Correlation]:
    """The long trainings that ``mmautoloss correlate`` filed, by the name of the file; one entry a length.

    Raises:
        SetupError: A file has other columns.
    """
    found = {}
    for path in paths:
        lengths = _lengths(path)
        for times in lengths:
            name = path.stem.removeprefix('correlate_').replace('_', ' ')
            name = name if len(lengths) == 1 else f'{name}, {times:g} times'
            pairs = read_pairs(path, times)
            hand_made = pairs.pop(HAND_MADE, None)
            found[name] = correlation_of(list(pairs.values()), times, hand_made)
    return found


def _lengths(path: Path) -> list[float]:
    read_pairs(path, 1.0)  # refuses other columns
    with path.open(newline='', encoding='utf-8') as file:
        whole = [row for row in csv.DictReader(file) if row['reason'] is not None]
    return list(dict.fromkeys(float(row['times']) for row in whole))


def plot_correlations(correlations: Mapping[str, Correlation], path: Path) -> bool:
    """Draws one panel a search; False, and no figure, where there is none."""
    from matplotlib.figure import Figure

    if not correlations:
        return False
    columns = min(3, len(correlations))
    rows = -(-len(correlations) // columns)
    figure = Figure(figsize=(9, rows * (3 if columns == 3 else 3.6)), layout='constrained')
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis, (name, found) in zip(axes, correlations.items(), strict=False):
        _scatter(axis, found)
        axis.set_title(f'{name}, {len(found.pairs) - found.failed} losses\n{_agreement(found)}', fontsize=9)
    for axis in axes[len(correlations) :]:
        axis.set_visible(False)
    figure.savefig(path, dpi=150)
    return True


def _scatter(axis: Any, found: Correlation) -> None:
    scored = [pair for pair in found.pairs if pair.long is not None]
    axis.plot([pair.short for pair in scored], [pair.long for pair in scored], 'o', color='#4e79a7', markersize=5)
    if found.hand_made is not None and found.hand_made.long is not None:
        axis.plot(*found.hand_made[1:], 'D', color='black', markersize=5, label='hand-made')
        axis.axhline(found.hand_made.long, color='black', linewidth=0.8, linestyle='--')
        axis.legend(fontsize=8)
    failed = [pair.short for pair in found.pairs if pair.long is None]
    if failed:  # along the lower edge: they have no score after the long training
        edge = {'transform': axis.get_xaxis_transform(), 'clip_on': False}
        axis.plot(failed, [0] * len(failed), 'x', color='#e15759', label='failed', **edge)
        axis.legend(fontsize=8)
    axis.set_xlabel('score in the search', fontsize=8)
    axis.set_ylabel(f'score, {found.times:g} times as long', fontsize=8)
    axis.tick_params(labelsize=8)
    axis.locator_params(nbins=6)
    axis.grid(alpha=0.3)


def _agreement(found: Correlation) -> str:
    return f"Kendall's tau {'unknown' if found.tau is None else tau_text(found)}"
