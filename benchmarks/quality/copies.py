"""Is it worth it to measure the winner of a tournament again? Searches of a simulated task, whose scores have noise.

    python benchmarks/quality/copies.py --csv copies.csv    # some minutes of one core

No network is trained. The true score of a loss is the cosine of its gradient with that of a loss which is never shown
(``TARGET``), over fixed predictions and labels. A training adds noise of a given deviation; a share of its variance belongs
to the seed and is the same for all losses. Printed is the true score of the winner, after the finalists were repeated; all
arms have the same number of trainings.
"""

from __future__ import annotations

import argparse
import hashlib
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import torch
from tables import print_table, write_rows

from mmautoloss.expr import Genome, Tree, compile_tree, parse
from mmautoloss.losses import input_kind, known_loss
from mmautoloss.screen import ACCEPTED, Screen, Verdict
from mmautoloss.search import Budget, Planner, SearchSettings
from mmautoloss.search.driver import known_outcome
from mmautoloss.strategy import RegularizedEvolution, Strategy
from mmautoloss.trial import History, Outcome, Role, State, Trial

TARGET = '-(y * (1 - p) ** 2 * log(p) + 3 * (1 - y) * p * log(1 - p))'
USUAL = Genome.from_text({'loss': known_loss('mse', 'sigmoid')})
SMALL: dict[str, Any] = {'initial': 1, 'tournament': 0.3, 'fresh_rate': 0.15, 'mutations': 3}
ARMS: dict[str, dict[str, Any]] = {
    'distinct, no copies': {'distinct': True, 'copy_rate': 0.0},
    'distinct, measure 0.1': {'distinct': True, 'copy_rate': 0.1, 'copies': 'measure'},
    'distinct, measure 0.25': {'distinct': True, 'copy_rate': 0.25, 'copies': 'measure'},
    'distinct, measure 0.5': {'distinct': True, 'copy_rate': 0.5, 'copies': 'measure'},
    'copies 0.1': {'copy_rate': 0.1},
    'measure 0.1': {'copy_rate': 0.1, 'copies': 'measure'},
    'measure 0.25': {'copy_rate': 0.25, 'copies': 'measure'},
}


@lru_cache(20_000)
def unit_gradient(tree: Tree) -> torch.Tensor | None:
    """The gradient over the fixed predictions, of length 1; None where it is 0 or not finite."""
    p, y = fixed_inputs()
    p.requires_grad_()
    value = compile_tree(tree)({'p': p, 'y': y}).sum()
    gradient = torch.autograd.grad(value, p)[0].flatten() if value.requires_grad else torch.zeros(1)
    norm = gradient.norm()
    return gradient / norm if norm.isfinite() and norm > 0 else None


def fixed_inputs() -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions in (0, 1) and labels, each (1, 1, 16, 16)."""
    generator = torch.Generator().manual_seed(0)
    p = torch.rand(1, 1, 16, 16, generator=generator, dtype=torch.float64).mul(0.98).add(0.01)
    return p, torch.rand(1, 1, 16, 16, generator=generator, dtype=torch.float64).round()


class Finite(Screen):
    """Accepts what has a gradient along which the loss falls; losses of one direction are one loss."""

    def __init__(self) -> None:
        self.kind = input_kind('sigmoid')

    def judge(self, tree: Tree) -> Verdict:
        gradient = unit_gradient(tree)
        if gradient is None or float(gradient @ _TARGET) <= 0:
            return Verdict('low gain', 0.0, ())
        return Verdict(ACCEPTED, 0.9, tuple(gradient.mul(100).round().tolist()))

    def fingerprint(self, verdict: Verdict, digits: int) -> str:
        return hashlib.sha256(repr(verdict.signature).encode()).hexdigest()[:16]


def quality(genome: Genome) -> float:
    """The true score."""
    gradient = unit_gradient(genome['loss'])
    return 0.0 if gradient is None else float(gradient @ _TARGET)


def search(arm: str, noise: float, trials: int, seed: int, shared: float = 0.0) -> float:
    """The true score of the winner of a search."""
    budget = Budget(max_trials=trials, baseline_repeats=0, allocation='equal', confirm_seeds=0)
    strategy = RegularizedEvolution({'loss': ('p', 'y')}, **SMALL, **ARMS[arm])
    winner = simulate(budget, strategy, seed, lambda trial: _measured(trial, noise, seed, shared)).winner()
    return quality(USUAL) if winner is None else quality(winner.required_genome)


def simulate(budget: Budget, strategy: Strategy, seed: int, measure: Callable[[Trial], float]) -> History:
    """A whole search with given scores."""
    planner = Planner(SearchSettings(seed, budget, (USUAL,)), strategy, {'loss': Finite()})
    history = History()
    while (trial := planner.next(history, 0.0)) is not None:
        history.add(trial)
        outcome = known_outcome(trial, history) or Outcome(State.COMPLETE, measure(trial))
        history.settle(trial.number, outcome)
    return history


def genome_of(trial: Trial) -> Genome:
    """The losses of a trial, also of the hand-made ones."""
    return USUAL if trial.role is Role.BASELINE else trial.required_genome


def _measured(trial: Trial, noise: float, seed: int, shared: float) -> float:
    genome = genome_of(trial)
    of_seed = random.Random(f'{seed}/{trial.seed}').gauss(0, noise * shared**0.5)
    own = random.Random(f'{seed}/{trial.seed}/{genome["loss"]}').gauss(0, noise * (1 - shared) ** 0.5)
    return quality(genome) + of_seed + own


_TARGET = unit_gradient(parse(TARGET))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, default=30, help='searches of each kind (30)')
    parser.add_argument('--noise', type=float, nargs='+', default=[0.03, 0.1], help='deviations of a score')
    parser.add_argument('--trials', type=int, nargs='+', default=[64, 200], help='trainings of a search')
    parser.add_argument(
        '--shared', type=float, default=0.0, help='share of the variance that is of the seed alone (0)'
    )
    parser.add_argument('--arms', nargs='+', choices=ARMS, default=list(ARMS), metavar='ARM')
    parser.add_argument('--csv', type=Path, help='a row a search')
    args = parser.parse_args()
    printed, filed = [], []
    for trials in args.trials:
        for noise in args.noise:
            for arm in args.arms:
                found = [search(arm, noise, trials, seed, args.shared) for seed in range(args.seeds)]
                filed += [(trials, noise, arm, seed, round(score, 4)) for seed, score in enumerate(found)]
                error = f'{stdev(found) / len(found) ** 0.5:.4f}' if len(found) > 1 else '-'
                printed.append((str(trials), str(noise), arm, f'{mean(found):.4f}', error))
                if args.csv:
                    write_rows(args.csv, ('trials', 'noise', 'arm', 'seed', 'score'), filed)
    print_table(('trainings', 'noise', 'arm', 'true score of the winner', 'standard error'), printed, left=('arm',))


if __name__ == '__main__':
    main()
