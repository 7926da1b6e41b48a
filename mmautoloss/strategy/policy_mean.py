"""The mean of a normal distribution that goes up the gradient of the expected reward (REINFORCE)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from mmautoloss.strategy.joint_numbers import JointNumbers
from mmautoloss.strategy.vectors import settled_vectors
from mmautoloss.trial import History, Trial

OPTIMIZERS = ('adam', 'sgd')

_BETAS = 0.9, 0.999
_EPSILON = 1e-8


@dataclass(frozen=True)
class PolicyMean:
    """Folds the settled candidates of a history, generation by generation, into a path of means.

    A generation of B vectors ``theta_i`` with rewards ``R_i``, which are their scores less the mean of these, over their
    standard deviation, has the gradient ``1 / (B sigma^2) * sum over i of R_i (theta_i - mu)`` (Williams, 1992; AM-LFS,
    equation of its outer level). A candidate without a score has the least reward of its generation.

    Attributes:
        numbers: What is drawn, in scales of the numbers.
        sigma: Standard deviation of each number, which stays.
        lr: Step size.
        samples: Candidates of a generation.
        optimizer: ``'sgd'`` adds ``lr`` times the gradient; ``'adam'`` (Kingma and Ba, 2015) scales it by its history.
    """

    numbers: JointNumbers
    sigma: float
    lr: float
    samples: int
    optimizer: str

    def fold(self, history: History) -> list[np.ndarray]:
        """The mean before the first generation and after each full one; it stays within the ranges of the numbers.

        Every so many candidates that have settled, in this order, are a generation, whenever they were proposed.
        """
        bounds = np.array(self.numbers.bounds)
        means = [np.clip(np.zeros(self.numbers.size), bounds[:, 0], bounds[:, 1])]
        first, second = np.zeros(self.numbers.size), np.zeros(self.numbers.size)
        settled = settled_vectors(self.numbers, history)
        while len(generation := list(islice(settled, self.samples))) == self.samples:
            gradient = self._gradient(generation, means[-1], history)
            step, count = self.lr * gradient, len(means)
            if self.optimizer == 'adam':
                first = _BETAS[0] * first + (1 - _BETAS[0]) * gradient
                second = _BETAS[1] * second + (1 - _BETAS[1]) * gradient**2
                size = np.sqrt(second / (1 - _BETAS[1] ** count)) + _EPSILON
                step = self.lr * first / (1 - _BETAS[0] ** count) / size
            means.append(np.clip(means[-1] + step, bounds[:, 0], bounds[:, 1]))
        return means

    def last_third(self, history: History) -> np.ndarray:
        """The mean of the means after the last third of the generations; where it begins, if there is none."""
        means = self.fold(history)
        count = math.ceil((len(means) - 1) / 3) or 1
        return np.mean(means[-count:], axis=0)

    def _gradient(
        self, generation: Sequence[tuple[Sequence[float], Trial]], mean: np.ndarray, history: History
    ) -> np.ndarray:
        rewards = rewards_of([trial for _, trial in generation], history)
        vectors = np.array([vector for vector, _ in generation])
        return rewards @ (vectors - mean) / (len(rewards) * self.sigma**2)


def rewards_of(generation: Sequence[Trial], history: History) -> np.ndarray:
    """The standardised rewards of a generation; 0 for all where none has a score, or all have the same."""
    scores = [None if trial.score is None else history.estimate(trial.number) for trial in generation]
    known = [score for score in scores if score is not None]
    if not known or min(known) == max(known):  # rounding may give equal scores another mean, and so a spread
        return np.zeros(len(generation))
    rewards = np.array([min(known) if score is None else score for score in scores])
    return (rewards - rewards.mean()) / rewards.std()
