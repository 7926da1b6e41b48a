"""What a loss gains if it trains the end of a training alone, against the same loss all along."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from agreement import CHANCES, resampled
from numpy.typing import NDArray
from recorded import Condition, RecordedTable

Choose = Callable[[NDArray[np.float64]], NDArray[np.bool_]]
"""Which of the losses are meant, by their scores with one seed."""


class Gain(NamedTuple):
    """Differences of the score, late minus all along.

    Attributes:
        losses: How many losses are meant, on average over the seed that chose them.
        mean: Mean difference.
        low: Lower end of its 95 % interval (bootstrap over losses).
        high: Upper end.
        median: Median difference.
        above: Share of the differences that are above 0.
    """

    losses: float
    mean: float
    low: float
    high: float
    median: float
    above: float


def best(count: int) -> Choose:
    """The best ones that did not fail."""

    def choose(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        chosen = np.zeros(len(scores), dtype=bool)
        chosen[np.argsort(-scores, kind='stable')[:count]] = True
        return chosen & np.isfinite(scores)

    return choose


def gain_of(table: RecordedTable, chosen_in: Condition, choose: Choose, draws: int = 2000) -> Gain | None:
    """The gain of some losses; None where none is meant.

    One seed chooses, the others tell the gain, and so in turns: a loss that was lucky when it was chosen falls back
    later, which is neither gain nor loss.

    Args:
        table: The losses.
        chosen_in: The condition whose scores choose.
        choose: How.
        draws: Samples of the bootstrap.
    """
    difference = table.judged(table.late) - table.judged(table.full)
    meant = np.stack([choose(scores) for scores in table.scores[chosen_in].T], axis=1)
    seeds = difference.shape[1]
    others = (difference.sum(axis=1, keepdims=True) - difference) / (seeds - 1)
    gains = others[meant]
    if not len(gains):
        return None
    weights = resampled(len(table.losses), draws)
    counts = weights @ meant.sum(axis=1)
    means = (weights @ (others * meant).sum(axis=1))[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, CHANCES)
    return Gain(
        len(gains) / seeds,
        float(gains.mean()),
        float(low),
        float(high),
        float(np.median(gains)),
        float((gains > 0).mean()),
    )
