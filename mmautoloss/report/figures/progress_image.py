"""The progress of a search as an image for dashboards."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmautoloss.report.facts.progress import bests, is_found
from mmautoloss.report.statistics import spread
from mmautoloss.report.tasks import hand_made_scores
from mmautoloss.trial import History

_INK, _FOUND, _BASE = '#52606d', '#0b7285', '#d9480f'


def draw_progress_image(history: History, metric: str, sign: int) -> np.ndarray:
    """Draws the scores of candidates by number, the best so far, and the hand-made losses with their spread.

    Args:
        history: The trials.
        metric: Name of the score.
        sign: 1 where higher is better, else -1.

    Returns:
        (480, 800, 3), RGB, bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), dpi=100, layout='constrained')
    canvas, axes = FigureCanvasAgg(figure), figure.subplots()
    _draw_baseline(axes, [sign * score for score in hand_made_scores(history)])
    numbers, scores, best = _scores(history, sign)
    if numbers:
        axes.plot(numbers, scores, 'o', color=_FOUND, alpha=0.5, label='candidates')
        axes.step(numbers, best, where='post', color=_FOUND, label='best so far')
    winner = history.winner()
    texts = {} if winner is None else winner.required_genome.to_text()
    title = '\n'.join(f'{k}: {_shortened(v)}' for k, v in texts.items())
    axes.set_title(title, fontsize=8, loc='left', color=_INK, parse_math=False)
    axes.set(xlabel='trial', ylabel=metric)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_baseline(axes: Any, scores: list[float]) -> None:
    if scores:
        mean, noise = float(np.mean(scores)), spread(scores)
        axes.axhline(mean, color=_BASE, label='hand-made')
        axes.axhspan(mean - noise, mean + noise, color=_BASE, alpha=0.15, linewidth=0)


def _scores(history: History, sign: int) -> tuple[list[int], list[float], list[float]]:
    """Number and score of searched trials, in the order in which they settled, as on the page, and the best by then."""
    settled = history.settled()
    rows = [
        (trial.number, sign * trial.required_score, sign * best)
        for trial, best in zip(settled, bests(settled), strict=True)
        if is_found(trial) and best is not None
    ]
    numbers, scores, best = zip(*rows, strict=True) if rows else ((), (), ())
    return list(numbers), list(scores), list(best)


def _shortened(text: str, width: int = 110) -> str:
    return text if len(text) <= width else text[: width - 3] + '...'
