"""The distribution of CMA-ES after the generations of a history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmautoloss.strategy.joint_numbers import JointNumbers
from mmautoloss.strategy.places import place_of
from mmautoloss.strategy.vectors import settled_vectors
from mmautoloss.trial import History

if TYPE_CHECKING:
    from cmaes import CMA


@dataclass(frozen=True)
class Generations:
    """Folds the settled candidates of a history, generation by generation, into a distribution.

    So nothing is stored but the journal: whoever reads it has the same distribution.

    Attributes:
        numbers: What is drawn.
        sigma: Standard deviation at first, in scales of the numbers.
        size: Candidates of a generation; None for 4 + 3 ln n of n numbers.
        lr_adapt: Whether learning rates adapt to noise.
    """

    numbers: JointNumbers
    sigma: float
    size: int | None
    lr_adapt: bool

    def fold(self, history: History, seed: int) -> tuple[CMA, int]:
        """The distribution after all full generations.

        Every so many candidates that have settled, in this order, are a generation, whenever they were proposed: no slot
        waits for the last of a generation, and what is late counts in the next one.

        Where a generation has no new loss (all are equal to earlier ones), or CMA-ES has nothing more to gain, the steps
        begin anew, with their first size, at the best candidate so far.

        Args:
            history: All trials.
            seed: Seed of what is drawn from the distribution.

        Returns:
            The distribution, and the number of full generations.
        """
        optimizer, generation = self._begin([0.0] * self.numbers.size, seed), []
        count = 0
        best: tuple[list[float], tuple[float, float]] | None = None
        for vector, trial in settled_vectors(self.numbers, history):
            place = place_of(trial, history)
            generation.append((vector, trial, place))
            best = (vector, place) if best is None or place < best[1] else best
            if len(generation) == optimizer.population_size:
                optimizer.tell(_ranked([(vector, place) for vector, _, place in generation]))
                if all(trial.was_spared for _, trial, _ in generation) or optimizer.should_stop():
                    optimizer = self._begin(best[0], seed)
                generation, count = [], count + 1
        return optimizer, count

    def _begin(self, mean: Sequence[float], seed: int) -> CMA:
        from cmaes import CMA

        bounds = np.array(self.numbers.bounds)
        inside = np.clip(mean, bounds[:, 0], bounds[:, 1])
        return CMA(inside, self.sigma, bounds, seed=seed, population_size=self.size, lr_adapt=self.lr_adapt)


def _ranked(generation: Sequence[tuple[Sequence[float], tuple[float, float]]]) -> list[tuple[np.ndarray, float]]:
    """Vectors with their ranks: CMA-ES reads nothing else of a score, so that its scale does not matter."""
    places = sorted(place for _, place in generation)
    return [(np.array(vector), float(places.index(place))) for vector, place in generation]
