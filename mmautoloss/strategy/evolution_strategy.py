"""CMA-ES (Hansen, arXiv 1604.00772): a normal distribution of the numbers of a formula that follows the better ones."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from importlib.util import find_spec

from mmautoloss.checks import require_flag, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.losses import InputKind
from mmautoloss.strategy.base import Draw, Proposal
from mmautoloss.strategy.generations import Generations
from mmautoloss.strategy.of_numbers import OfNumbers
from mmautoloss.strategy.vectors import draw_trees
from mmautoloss.trial import History


class CMAES(OfNumbers):
    """Tunes the numbers of formulas, those of all branches together.

    Each candidate is drawn from a normal distribution, whose mean and covariance are a function of the candidates that have
    settled (``Generations.fold``). What the screen of a branch turns down is drawn again.

    Args:
        inputs: Names that a graph may read, by branch.
        family: The formulas, for all branches or by branch: ``'taylor'``, ``'piecewise'`` or ``'margin'``
            (``losses.families``); a template such as ``'-y * log(p) + {a=0.5} * y * (1 - p)'``; or a loss, of which the
            numbers are tuned that matter.
        order: Degree of the polynomials of ``'taylor'``.
        pieces: Number of pieces of ``'piecewise'``.
        sigma: Standard deviation of a number at first, as a multiple of its start; of a number that begins at 0 itself.
        population: Candidates of a generation; None for 4 + 3 ln n of n numbers, rounded down.
        lr_adapt: Whether learning rates adapt to the noise of scores (Nomura et al., GECCO 2023, arXiv 2304.03473).

    Raises:
        SetupError: A number is out of range.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[str, ...]],
        family: str | Mapping[str, str] = 'taylor',
        order: int = 4,
        pieces: int = 6,
        sigma: float = 0.3,
        population: int | None = None,
        lr_adapt: bool = False,
    ) -> None:
        super().__init__(inputs, family, order, pieces, sigma)
        if population is not None:
            require_whole('population', population, 4)
        require_flag('lr_adapt', lr_adapt)
        self.population = population
        self.lr_adapt = lr_adapt

    def for_kinds(self, kinds: Mapping[str, InputKind]) -> CMAES:
        """The strategy with its formulas read.

        Raises:
            SetupError: A formula is not for the kind of input of its branch, or the package ``cmaes`` is missing.
        """
        if find_spec('cmaes') is None:
            raise SetupError('The strategy CMAES needs the package cmaes, which is not installed: pip install cmaes.')
        return super().for_kinds(kinds)

    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """Draws a candidate from the distribution after all generations so far."""
        optimizer, count = self._generations().fold(history, rng.getrandbits(32))
        genome = Genome(draw_trees(self.required_numbers, lambda: list(optimizer.ask()), draw))
        return Proposal(genome, None, f'generation {count + 1}')

    @property
    def generation_size(self) -> int:
        """Candidates of a generation."""
        return self.population or 4 + int(3 * math.log(self.required_numbers.size))

    def conclude(self, history: History) -> Genome:
        """The mean of the distribution."""
        return self.required_numbers.genome(list(self._generations().fold(history, 0)[0].mean))

    def _generations(self) -> Generations:
        return Generations(self.required_numbers, self.sigma, self.population, self.lr_adapt)
