"""REINFORCE on the numbers of formulas, as in AM-LFS (Li et al., ICCV 2019, arXiv 1905.07375)."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mmautoloss.checks import require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.strategy.base import Draw, Proposal
from mmautoloss.strategy.of_numbers import OfNumbers
from mmautoloss.strategy.policy_mean import OPTIMIZERS, PolicyMean
from mmautoloss.strategy.vectors import draw_trees
from mmautoloss.trial import History


class Reinforce(OfNumbers):
    """Moves the mean of a normal distribution of the numbers of formulas towards what scores better.

    Each candidate is drawn from the distribution, whose mean is a function of the candidates that have settled
    (``PolicyMean.fold``) and whose standard deviation stays. What the screen of a branch turns down is drawn again. It is
    made for trainings in which each generation begins from the best weights of the one before (``proxy.begin='best'``).

    Args:
        inputs: Names that a graph may read, by branch.
        family: The formulas, for all branches or by branch, as for ``CMAES``.
        order: Degree of the polynomials of ``'taylor'``.
        pieces: Number of pieces of ``'piecewise'``.
        sigma: Standard deviation of a number, as a multiple of its start; of a number that begins at 0 itself.
        lr: Step size of the mean, in the same units.
        samples: Candidates of a generation.
        optimizer: ``'adam'``, or ``'sgd'`` for the plain gradient.

    Raises:
        SetupError: A number is out of range.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[str, ...]],
        family: str | Mapping[str, str] = 'piecewise',
        order: int = 4,
        pieces: int = 6,
        sigma: float = 0.2,
        lr: float = 0.05,
        samples: int = 8,
        optimizer: str = 'adam',
    ) -> None:
        super().__init__(inputs, family, order, pieces, sigma)
        require_number('lr', lr, 0, 100, above=True)
        require_whole('samples', samples, 2)
        if optimizer not in OPTIMIZERS:
            raise SetupError(f'optimizer must be one of {", ".join(OPTIMIZERS)}, but got {optimizer!r}.')
        self.lr = lr
        self.samples = samples
        self.optimizer = optimizer

    @property
    def generation_size(self) -> int:
        """Candidates of a generation."""
        return self.samples

    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """Draws a candidate from the distribution after all generations so far."""
        policy = self._policy()
        means = policy.fold(history)

        def ask() -> list[float]:
            return [rng.gauss(float(mean), self.sigma) for mean in means[-1]]

        genome = Genome(draw_trees(policy.numbers, ask, draw))
        return Proposal(genome, None, f'generation {len(means)}')

    def conclude(self, history: History) -> Genome:
        """The losses of the mean of the last third of the generations."""
        policy = self._policy()
        return policy.numbers.genome(policy.last_third(history).tolist())

    def _policy(self) -> PolicyMean:
        return PolicyMean(self.required_numbers, self.sigma, self.lr, self.samples, self.optimizer)
