"""The figure of ``benchmarks/late.py``: scores of short and of late trainings against those of training all along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from agreement import Tau
from recorded import Condition, RecordedTable

UNNAMED = 'mutant'
"""How names begin that say nothing to a reader."""


def plot_conditions(table: RecordedTable, taus: dict[Condition, Tau], path: Path) -> None:
    """Draws one panel a condition, with means over seeds.

    Args:
        table: What was recorded.
        taus: Kendall's tau with training all along, by the conditions to draw.
        path: The picture.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(taus), 4), layout='constrained')
    for axis, (condition, tau) in zip(figure.subplots(1, len(taus), squeeze=False)[0], taus.items(), strict=True):
        _scatter(axis, table, condition)
        told = 'unknown' if tau.value is None else f'{tau.value:.2f} ({tau.low:.2f} to {tau.high:.2f})'
        axis.set_title(f"{table.label(condition)}\nKendall's tau between seeds {told}", fontsize=9)
    figure.suptitle(table.title, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _scatter(axis: Any, table: RecordedTable, condition: Condition) -> None:
    one, full = (table.scores[each].mean(axis=1) for each in (condition, table.full))
    known = np.array([not name.loss.startswith(UNNAMED) for name in table.losses])
    scored = np.isfinite(one) & np.isfinite(full)
    axis.plot(one[scored & ~known], full[scored & ~known], 'o', color='#4e79a7', markersize=4, label='mutants')
    axis.plot(one[scored & known], full[scored & known], 'o', color='#f28e2b', markersize=4, label='known')
    for place in np.flatnonzero(scored & known):
        axis.annotate(
            table.losses[place].loss, (one[place], full[place]), (2, 2), textcoords='offset points', fontsize=5
        )
    if table.hand_made:
        by_hand = [table.hand_made[each].mean() for each in (condition, table.full)]
        axis.plot(*by_hand, 'D', color='black', markersize=4, label='hand-made')
        axis.axhline(by_hand[1], color='black', linewidth=0.8, linestyle='--')
    _mark_failed(axis, one, full)
    axis.set_xlabel(f'score, {table.label(condition)}', fontsize=8)
    axis.set_ylabel('score, all along', fontsize=8)
    axis.tick_params(labelsize=8)
    axis.locator_params(nbins=6)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=6)


def _mark_failed(axis: Any, one: np.ndarray, full: np.ndarray) -> None:
    """Along the lower edge those that failed all along, along the left one those that failed in the condition alone."""
    style = {'color': '#e15759', 'markersize': 4, 'clip_on': False}
    below, beside = one[np.isfinite(one) & ~np.isfinite(full)], full[np.isfinite(full) & ~np.isfinite(one)]
    if len(below):
        axis.plot(below, [0] * len(below), 'x', label='failed', transform=axis.get_xaxis_transform(), **style)
    if len(beside):
        label = None if len(below) else 'failed'
        axis.plot([0] * len(beside), beside, 'x', label=label, transform=axis.get_yaxis_transform(), **style)
