"""Do two kinds of training rank losses alike? Kendall's tau between seeds; how much of the variance is of the losses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
"""Of shape (losses, seeds); higher is better, minus infinity where the training failed."""

CHANCES = (0.025, 0.975)
"""Quantiles of the bootstrap that bound an interval."""


class Tau(NamedTuple):
    """Kendall's tau-b with its 95 % interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def resampled(count: int, draws: int, seed: int = 0) -> NDArray[np.int64]:
    """How often each of the losses is in each bootstrap sample, of shape (draws, count)."""
    return np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws)


def tau_between_seeds(one: Scores, other: Scores, draws: int = 2000) -> Tau:
    """The mean of Kendall's tau-b over all pairs of different seeds, each one training on each side.

    Args:
        one: Scores in one condition.
        other: Scores of the same losses in another condition, or the same.
        draws: Samples of the bootstrap over losses.
    """
    from scipy.stats import kendalltau

    told = [(kendalltau(x, y).statistic, x, y) for x, y in _pairs(one, other)] if len(one) > 1 else []
    known = [each for each in told if not np.isnan(each[0])]  # a seed with which all failed ranks nothing
    if not known:
        return Tau(None)
    weights = resampled(len(one), draws)
    drawn = np.stack([_weighted_tau(x, y, weights) for _, x, y in known])
    drawn = drawn[:, ~np.isnan(drawn).any(axis=0)].mean(axis=0)
    low, high = np.quantile(drawn, CHANCES) if len(drawn) else (np.nan, np.nan)
    return Tau(float(np.mean([tau for tau, _, _ in known])), float(low), float(high))


def _pairs(one: Scores, other: Scores) -> Iterator[tuple[Scores, Scores]]:
    from scipy.stats import rankdata

    for first, second in permutations(range(one.shape[1]), 2):
        yield rankdata(one[:, first]), rankdata(other[:, second])


def _weighted_tau(x: Scores, y: Scores, weights: NDArray[np.int64]) -> Scores:
    """Tau-b of every sample: pairs of losses are compared once, and counted as often as both are drawn."""
    signs = [np.sign(ranks[:, None] - ranks[None, :]) for ranks in (x, y)]
    agree, differ, also_differ = (
        np.einsum('dn,nm,dm->d', weights, matrix, weights, optimize=True)
        for matrix in (signs[0] * signs[1], abs(signs[0]), abs(signs[1]))
    )
    with np.errstate(invalid='ignore'):
        return agree / np.sqrt(differ * also_differ)


class Noise(NamedTuple):
    """One-way random effects of the trainings that did not fail.

    Attributes:
        losses: Losses of which no training failed.
        mean: Mean score.
        of_losses: Standard deviation of the losses' true scores.
        of_seeds: Standard deviation of the trainings of one loss.
        share: Share of the losses in the variance of a single training; None where nothing varies.
    """

    losses: int
    mean: float
    of_losses: float
    of_seeds: float
    share: float | None


def noise_of(scores: Scores) -> Noise | None:
    """The components of the variance by mean squares (Searle et al., 1992), those below 0 as 0; None for one loss."""
    scores = scores[np.isfinite(scores).all(axis=1)]
    count, seeds = scores.shape
    if count < 2 or seeds < 2:
        return None
    within = float(scores.var(axis=1, ddof=1).mean())
    between = max(0.0, float(scores.mean(axis=1).var(ddof=1)) - within / seeds)
    share = between / (between + within) if between + within > 0 else None
    return Noise(count, float(scores.mean()), between**0.5, within**0.5, share)
