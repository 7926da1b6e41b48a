"""A custom strategy: hill climbing from the best loss so far, with occasional restarts.

Name this module in a search config, and the strategy by its class:

    custom_imports = dict(imports=['examples.strategy'], allow_failed_imports=False)
    train_cfg = dict(strategy=dict(type='HillClimbing', fresh=0.2), ...)

A strategy has no state: it only uses the history, and draws all random numbers from ``rng``. So a search with it can be
resumed and replayed like any other.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome, mutate, random_tree
from mmautoloss.strategy import Draw, Drawn, Proposal, Strategy, register_strategy
from mmautoloss.trial import History


@register_strategy
class HillClimbing(Strategy):
    """Mutates one branch of the best candidate so far.

    Args:
        inputs: Names of the inputs that a graph may read, by branch.
        fresh: Share of candidates that are random instead.
    """

    def __init__(self, inputs: Mapping[str, tuple[str, ...]], fresh: float = 0.2) -> None:
        super().__init__(inputs)
        if not 0 <= fresh <= 1:
            raise SetupError(f'fresh must be a share from 0 to 1, but got {fresh}.')
        self.fresh = fresh

    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """A mutant of the best candidate, or a random genome; ``draw`` repeats until the screen accepts."""
        candidates = history.population()
        if not candidates or rng.random() < self.fresh:
            trees = {branch: draw(branch, lambda b=branch: self._random(b, rng)).tree for branch in self.inputs}
            return Proposal(Genome(trees), None, 'random')
        best = max(candidates, key=lambda trial: history.estimate(trial.number))
        branch = rng.choice(list(self.inputs))
        drawn = draw(branch, lambda: Drawn(*mutate(best.genome[branch], rng, self.inputs[branch], max_nodes=40)))
        return Proposal(best.genome.with_tree(branch, drawn.tree), best.number, f'{drawn.origin}({branch})')

    def _random(self, branch: str, rng: random.Random) -> Drawn:
        return Drawn(random_tree(rng, self.inputs[branch], depth=3), 'fresh')
