"""A recorded table of losses: scores of the same losses in trainings of several kinds, each with several seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmautoloss.errors import SetupError
from mmautoloss.report.result_row import SCRATCH

FAILED = -math.inf
"""The score of a training that failed."""

LEAST_LOSSES, LEAST_SEEDS = 4, 2


class Name(NamedTuple):
    """The identity of a loss; the hand-made ones have no expression."""

    loss: str
    expression: str
    weights: str


class Condition(NamedTuple):
    """A kind of training.

    Attributes:
        begin: ``scratch``, or where the training with the losses began, such as ``late0.9``.
        iterations: The whole length.
        tail: Iterations with these losses.
    """

    begin: str
    iterations: int
    tail: int

    @property
    def trunk(self) -> int:
        """Iterations that all losses share, once a seed."""
        return self.iterations - self.tail


@dataclass(frozen=True)
class RecordedTable:
    """The losses of one data set that have all their trainings, by one metric.

    Attributes:
        title: Set, metric, network and split.
        losses: Names of the candidates, without the hand-made losses.
        seeds: Seeds of the trainings.
        scores: Of shape (losses, seeds) by condition; higher is better, errors are below 0, ``FAILED`` if it failed.
        hand_made: Scores of the hand-made losses by condition, of shape (seeds,); nothing where they are not recorded.
        left_out: What is in the file and not here, in words; '' for nothing.

    Raises:
        SetupError: There are too few losses, seeds or conditions.
    """

    title: str
    losses: tuple[Name, ...]
    seeds: tuple[int, ...]
    scores: Mapping[Condition, NDArray[np.float64]]
    hand_made: Mapping[Condition, NDArray[np.float64]]
    left_out: str = ''

    def __post_init__(self) -> None:
        if len(self.losses) < LEAST_LOSSES or len(self.seeds) < LEAST_SEEDS:
            raise SetupError(
                f'A table needs {LEAST_LOSSES} losses with {LEAST_SEEDS} seeds in every condition, but {self.title} has '
                f'{len(self.losses)} with {len(self.seeds)}. Go on recording it.'
            )
        scratch = [each for each in self.scores if each.begin == SCRATCH]
        if len(scratch) < 2 or not self._late():
            raise SetupError(
                'A table needs trainings from scratch of two lengths or more, and late ones of the longest length, but '
                f'{self.title} has {", ".join(f"{each.begin} {each.iterations}" for each in self.scores)}.'
            )

    @property
    def full(self) -> Condition:
        """Training all along, at the greatest length."""
        return max((each for each in self.scores if each.begin == SCRATCH), key=lambda each: each.iterations)

    @property
    def shorter(self) -> tuple[Condition, ...]:
        """Shorter trainings from scratch, the shortest first."""
        scratch = [each for each in self.scores if each.begin == SCRATCH and each != self.full]
        return tuple(sorted(scratch, key=lambda each: each.iterations))

    @property
    def late(self) -> Condition:
        """The late training: ``late0.9``, or else the first one of the file."""
        return next((each for each in self._late() if each.begin == 'late0.9'), self._late()[0])

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """From scratch, the shortest first; late; all others."""
        first = (*self.shorter, self.full, self.late)
        return (*first, *(each for each in self.scores if each not in first))

    def _late(self) -> list[Condition]:
        length = max((each.iterations for each in self.scores if each.begin == SCRATCH), default=0)
        return [each for each in self.scores if each.begin.startswith('late') and each.iterations == length]

    def label(self, condition: Condition) -> str:
        """``0.1 N`` from scratch, ``all along``, ``late0.9``, ``from_checkpoint_1a2b3c4d``; N is the greatest length."""
        if condition == self.full:
            return 'all along'
        length = f'{condition.iterations / self.full.iterations:.2g} N'
        if condition.begin == SCRATCH:
            return length
        alone = sum(each.begin == condition.begin for each in self.scores) == 1
        return condition.begin if alone else f'{condition.begin}, {length}'

    def judged(self, condition: Condition) -> NDArray[np.float64]:
        """Its scores as finite numbers: a failed training is worth 0, or the lowest score of the table if it is less."""
        return _finite(self.scores[condition], self._lowest(condition))

    def judged_hand_made(self, condition: Condition) -> NDArray[np.float64]:
        """The same of the hand-made losses."""
        return _finite(self.hand_made[condition], self._lowest(condition))

    def _lowest(self, condition: Condition) -> float:
        scores = self.scores[condition]
        return min(0.0, scores[np.isfinite(scores)].min(initial=0.0))

    def works(self, scores: NDArray[np.float64], share: float = 0.75) -> NDArray[np.bool_]:
        """Which of the scores are at least a share of the best one; which errors at most the best one over the share."""
        best = scores.max()
        return np.isfinite(scores) & (scores >= (best * share if best > 0 else best / share))


def _finite(scores: NDArray[np.float64], lowest: float) -> NDArray[np.float64]:
    return np.where(np.isfinite(scores), scores, lowest)
