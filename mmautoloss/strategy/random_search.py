"""Random search: the baseline for every other strategy."""

from __future__ import annotations

import random
from collections.abc import Mapping

from mmautoloss.checks import require_whole
from mmautoloss.expr import Genome, random_tree
from mmautoloss.expr.random_trees import MAX_DEPTH, Weights
from mmautoloss.strategy.base import Draw, Drawn, Proposal, Strategy
from mmautoloss.trial import History


class RandomSearch(Strategy):
    """Draws every genome afresh.

    Args:
        inputs: Names that a graph may read, by branch.
        depth: Depth D of random graphs.

    Raises:
        SetupError: The depth is out of range.
    """

    def __init__(self, inputs: Mapping[str, tuple[str, ...]], depth: int = 3) -> None:
        super().__init__(inputs)
        require_whole('depth', depth, 1, MAX_DEPTH)
        self.depth = depth

    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """Draws a graph for every branch."""
        trees = {branch: self._fresh(branch, history, rng, draw).tree for branch in self.inputs}
        return Proposal(Genome(trees), None, 'random')

    def _fresh(self, branch: str, history: History, rng: random.Random, draw: Draw) -> Drawn:
        inputs, weights = self.inputs[branch], self._weights(branch, history)
        return draw(branch, lambda: Drawn(random_tree(rng, inputs, self.depth, weights), 'fresh'))

    def _weights(self, branch: str, history: History) -> Weights:
        """Weights by which the operators of a branch are drawn; all alike."""
        return None
