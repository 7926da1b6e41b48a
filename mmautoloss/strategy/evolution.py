"""Regularised evolution (Real et al., AAAI 2019) with the mutations of AutoLoss-Zero."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.expr import Tree, mutate
from mmautoloss.expr.random_trees import Weights
from mmautoloss.expr.tree import MAX_NODES
from mmautoloss.strategy.base import Draw, Drawn, Proposal
from mmautoloss.strategy.priority import OperatorPriority
from mmautoloss.strategy.random_search import RandomSearch
from mmautoloss.trial import History, Trial

VARIED = ('one', 'all')
COPIES = ('reuse', 'measure')
PRIORITIES = (None, 'ucb')


class RegularizedEvolution(RandomSearch):
    """Tournament selection in a population of which only the newest survive.

    A child is a copy of the winner (``copy_rate``), or some of its branches change, each by its own draw: a branch is drawn
    afresh (``fresh_rate``) or mutated.

    Args:
        inputs: Names that a graph may read, by branch.
        initial: K, genomes before selection begins: known ones, then random ones.
        population: P, the newest individuals that take part in tournaments; below 1 a share of the trainings of a search, at
            least two (``for_budget``).
        tournament: T, share of the population in a tournament; at least two take part.
        depth: D, depth of random graphs.
        copy_rate: Share of children that are unchanged.
        copies: ``'reuse'``, a copy is an individual with the score of its parent, as published; or ``'measure'``, instead of
            a copy the winner is trained again with another seed, and in tournaments it has the estimate of all its scores.
        fresh_rate: Share of children in which a branch is drawn afresh.
        vary: ``'all'`` branches of a child change, each by its own draw, or ``'one'``, chosen at random.
        max_nodes: Most nodes of a mutated expression, up to ``expr.tree.MAX_NODES``.
        shrink: Whether a parent with more nodes, such as a sum of known losses, has smaller children only, which are nearly
            all deletions; otherwise a child may be as large as its parent.
        mutations: Most mutations of a mutated branch; their number is drawn from 1 on. 1 is published.
        number_rate: Share of the mutations that multiply a number by a random factor; 0 is published.
        distinct: Whether only the shortest of the individuals with the same fingerprint survives. Otherwise, as published,
            copies of the winner and expressions that are the same loss crowd out all others in a small search, and
            grow without becoming new losses.
        priority: How operators of mutations and of fresh graphs are drawn: None, all alike, as published; or ``'ucb'``, by
            the ranks of the losses with them and by how seldom they were tried (``OperatorPriority``), which was no clear
            gain on tasks of known truth (docs/systems.md).
        alpha: Weight of how seldom an operator was tried, from 0 to 10; only with ``priority='ucb'``.

    Raises:
        SetupError: A number is out of range.
    """

    def __init__(
        self,
        inputs: Mapping[str, tuple[str, ...]],
        initial: int = 20,
        population: float = 2500,
        tournament: float = 0.05,
        depth: int = 3,
        copy_rate: float = 0.1,
        fresh_rate: float = 0.5,
        vary: str = 'all',
        max_nodes: int = 40,
        mutations: int = 1,
        distinct: bool = False,
        number_rate: float = 0.0,
        shrink: bool = True,
        copies: str = 'reuse',
        priority: str | None = None,
        alpha: float = 0.5,
    ) -> None:
        super().__init__(inputs, depth)
        require_whole('initial', initial, None)
        require_number('population', population, None)
        if not 0 < population < 1:
            require_whole('population', population, None)
        for name, share in {'tournament': tournament, 'copy_rate': copy_rate, 'fresh_rate': fresh_rate}.items():
            require_number(name, share, None)
        require_whole('mutations', mutations, 1)
        require_whole('max_nodes', max_nodes, 1, MAX_NODES)
        require_flag('distinct', distinct)
        require_flag('shrink', shrink)
        if initial < 1 or population <= 0:
            raise SetupError(f'initial and population must be at least 1, but got {initial} and {population}.')
        if not 0 < tournament <= 1:
            raise SetupError(f'tournament must be a share in (0, 1], but got {tournament}.')
        if not (copy_rate >= 0 and fresh_rate >= 0 and copy_rate + fresh_rate <= 1):
            raise SetupError(
                f'copy_rate and fresh_rate must be shares of at most 1 together, but got {copy_rate} and {fresh_rate}.'
            )
        require_number('number_rate', number_rate, 0, 1)
        if vary not in VARIED:
            raise SetupError(f'vary must be one of {", ".join(VARIED)}, but got {vary!r}.')
        if copies not in COPIES:
            raise SetupError(f'copies must be one of {", ".join(COPIES)}, but got {copies!r}.')
        if priority not in PRIORITIES:
            raise SetupError(f"priority must be None or 'ucb', but got {priority!r}.")
        OperatorPriority(alpha)  # refuses what is out of range
        self.initial = initial
        self.population = population
        self.tournament = tournament
        self.copy_rate = copy_rate
        self.fresh_rate = fresh_rate
        self.vary = vary
        self.max_nodes = max_nodes
        self.mutations = mutations
        self.distinct = distinct
        self.number_rate = number_rate
        self.shrink = shrink
        self.copies = copies
        self.priority = priority
        self.alpha = alpha

    def for_budget(self, max_trials: int) -> RegularizedEvolution:
        """The strategy with its population as a number."""
        if self.population >= 1:
            return self
        strategy = copy.copy(self)
        strategy.population = max(2, round(self.population * max_trials))
        return strategy

    def propose(self, history: History, rng: random.Random, draw: Draw) -> Proposal:
        """Breeds a child of the winner of a tournament, or a random genome while there are too few trials."""
        alive = self.alive(history)
        if history.n_candidates() < self.initial or not alive:
            return super().propose(history, rng, draw)
        parent = self.select(alive, rng, history)
        chance = rng.random()
        if chance < self.copy_rate:
            return self._copy(parent, history)
        genome, origins = parent.required_genome, []
        branches = list(self.inputs) if self.vary == 'all' else [rng.choice(list(self.inputs))]
        for index, branch in enumerate(branches):
            if index:  # the first branch uses the draw that decided against a copy
                chance = rng.uniform(self.copy_rate, 1)
            fresh = chance < self.copy_rate + self.fresh_rate
            drawn = self._child(genome[branch], branch, fresh, history, rng, draw)
            genome = genome.with_tree(branch, drawn.tree)
            origins.append(f'{drawn.origin}({branch})')
        return Proposal(genome, parent.number, ' '.join(origins))

    def alive(self, history: History) -> list[Trial]:
        """The individuals that take part in tournaments, oldest first."""
        if not isinstance(self.population, int):
            raise SetupError(f'population={self.population} is a share of a budget that is not known; see for_budget.')
        population = history.distinct_population() if self.distinct else history.population()
        return population[-self.population :]

    def select(self, alive: list[Trial], rng: random.Random, history: History) -> Trial:
        """The best of a random sample; the newest among equals."""
        size = min(len(alive), max(2, round(self.tournament * len(alive))))
        return max(rng.sample(alive, size), key=lambda trial: (history.estimate(trial.number), trial.number))

    def _copy(self, parent: Trial, history: History) -> Proposal:
        if self.copies == 'reuse':
            return Proposal(parent.required_genome, parent.number, 'copy')
        parent = _trained(parent, history)
        return Proposal(parent.required_genome, parent.number, 'measure', repeats=parent.number)

    def _child(self, tree: Tree, branch: str, fresh: bool, history: History, rng: random.Random, draw: Draw) -> Drawn:
        if fresh:
            return self._fresh(branch, history, rng, draw)
        weights = self._weights(branch, history)
        return draw(branch, lambda: self._mutated(tree, branch, weights, rng))

    def _weights(self, branch: str, history: History) -> Weights:
        return None if self.priority is None else OperatorPriority(self.alpha).weights(branch, history)

    def _mutated(self, tree: Tree, branch: str, weights: Weights, rng: random.Random) -> Drawn:
        names = []
        limit = self.max_nodes if self.shrink else max(self.max_nodes, tree.size)
        for _ in range(rng.randint(1, self.mutations) if self.mutations > 1 else 1):
            tree, name = mutate(tree, rng, self.inputs[branch], limit, self.number_rate, weights)
            names.append(name)
        return Drawn(tree, '+'.join(names))


def _trained(trial: Trial, history: History) -> Trial:
    """The candidate whose training gave a trial its score: itself, unless it is the same loss as an earlier one."""
    twin = history.same_loss(trial.fingerprint)
    return trial if twin is None or twin.genome is None else twin
