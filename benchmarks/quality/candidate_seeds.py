"""Is it worth it to measure good candidates with several seeds? Searches of a simulated task, where seeds suit losses.

    python benchmarks/quality/candidate_seeds.py --csv seeds.csv    # some minutes of one core

No network is trained: the true score of a loss is that of ``copies.py``. A seed adds one number to the scores of all losses,
three times as large as ``--noise``, and one of this deviation to each loss, as a trunk does which suits some losses: its
``own``, drawn for each loss alone, or ``inherited``, so that similar losses have similar ones: the gradient of the loss
along a direction that belongs to the seed, a polynomial of prediction and label. ``drawn`` are searches without evolution
instead, whose true scores are normal numbers of deviation 1, with noise of deviation 3 and 1.

Printed are the true score of the winner and the trainings of candidates and finalists; differences are to the first budget,
search by search. Budgets are such that trainings are about equal.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import fmean, stdev
from typing import Any, NamedTuple

import torch
from copies import SMALL, USUAL, fixed_inputs, genome_of, quality, simulate, unit_gradient
from tables import print_table, write_rows

from mmautoloss.checks import whole_argument
from mmautoloss.search import Budget
from mmautoloss.strategy import RegularizedEvolution
from mmautoloss.testing import simulated_searches
from mmautoloss.trial import Role, Trial

COLUMNS = ('trainings', 'noise', 'interaction', 'budget', 'seed', 'score', 'all_trainings')
LUCK = ('own', 'inherited', 'drawn')
SHARED = 0.9
"""Share of the variance of a seed that all losses have in common, which is three times the deviation of the rest."""
RATIOS = (3.0, 1.0)
"""Noise of drawn searches."""


class Found(NamedTuple):
    """The end of a search.

    Attributes:
        score: True score of its winner.
        trainings: Trainings of candidates and finalists.
    """

    score: float
    trainings: int


def budgets(trials: int) -> dict[str, dict[str, Any]]:
    """Budgets of about ``trials`` trainings, with those of finalists, by name."""
    return {
        '1 seed': {'max_trials': trials - 6},
        '1 seed, more finalists': {'max_trials': trials - 24, 'finalists': 6, 'finalist_repeats': 4},
        '3 seeds': {'max_trials': trials - 6, 'candidate_seeds': 3},
    }


def search(budget: dict[str, Any], noise: float, luck: str, seed: int) -> Found:
    """A search of the simulated task."""
    strategy = RegularizedEvolution({'loss': ('p', 'y')}, **SMALL, distinct=True, copy_rate=0.0)
    whole = Budget(**{'baseline_repeats': 2, 'confirm_seeds': 0, **budget})
    history = simulate(whole, strategy, seed, lambda trial: measured(trial, noise, luck, seed))
    winner = history.winner()
    trained = history.n_proxies() + len(history.of_role(Role.FINALIST))
    return Found(quality(winner.required_genome if winner else USUAL), trained)


def search_drawn(budget: dict[str, Any], noise: float, seed: int) -> Found:
    """A search in which no loss is bred from another; the noise is in deviations of true scores."""
    true = [random.Random(f'{seed}/{number}').gauss(0, 1) for number in range(2 * budget['max_trials'] + 20)]
    unit = (1 - SHARED) ** 0.5 / noise  # of a score, whose deviation over seeds is 1
    whole = Budget(**{'baseline_repeats': 2, 'confirm_seeds': 0, **budget})
    history = simulated_searches.simulate(whole, lambda n: unit * true[n], random.Random(seed), known=0, shared=SHARED)
    winner = history.winner()
    trained = history.n_proxies() + len(history.of_role(Role.FINALIST))
    return Found(true[winner.number] if winner else 0.0, trained)


def measured(trial: Trial, noise: float, luck: str, seed: int) -> float:
    """The score of a training, a function of its losses and its seed."""
    tree = genome_of(trial)['loss']
    usual = random.Random(f'{seed}/{trial.seed}').gauss(0, 3 * noise)
    if luck == 'own':
        suits = random.Random(f'{seed}/{trial.seed}/{tree}').gauss(0, 1)
    else:
        gradient = unit_gradient(tree)
        suits = 0.0 if gradient is None else float(gradient @ direction(seed, trial.seed))
    return quality(genome_of(trial)) + usual + noise * suits


@cache
def direction(seed: int, of_training: int) -> torch.Tensor:
    """A random mixture of the orthonormal polynomials of degree 2 in the prediction, by label: (256,)."""
    p, y = (each.flatten() for each in fixed_inputs())
    powers = torch.stack([p**degree * label for degree in range(3) for label in (y, 1 - y)], 1)
    rng = random.Random(f'direction/{seed}/{of_training}')
    shares = torch.tensor([rng.gauss(0, 1) for _ in range(6)], dtype=torch.float64)
    return torch.linalg.qr(powers)[0] @ shares


def compare(trials: int, noise: float, luck: str, searches: int) -> dict[str, list[Found]]:
    """The searches by budget."""

    def one(budget: dict[str, Any], seed: int) -> Found:
        return search_drawn(budget, noise, seed) if luck == 'drawn' else search(budget, noise, luck, seed)

    return {name: [one(budget, seed) for seed in range(searches)] for name, budget in budgets(trials).items()}


def told(found: Sequence[Found], first: Sequence[Found]) -> tuple[str, ...]:
    """Mean score and trainings, and the difference to others with its standard error."""
    gains = [one.score - other.score for one, other in zip(found, first, strict=True)]
    error = stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float('nan')
    trainings = fmean(each.trainings for each in found)
    return f'{fmean(each.score for each in found):.4f}', f'{trainings:.1f}', f'{fmean(gains):+.4f} +- {error:.4f}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--searches', type=whole_argument(1), default=100, help='searches of each kind (100)')
    parser.add_argument('--noise', type=float, nargs='+', default=[0.1, 0.3], help='deviations of a score')
    parser.add_argument('--trials', type=whole_argument(40), nargs='+', default=[64], help='trainings of a search')
    parser.add_argument('--interaction', nargs='+', choices=LUCK, default=list(LUCK))
    parser.add_argument('--csv', type=Path, help='a row a search')
    args = parser.parse_args()
    printed, filed = [], []
    for trials in args.trials:
        for luck in args.interaction:
            for noise in RATIOS if luck == 'drawn' else args.noise:
                found = compare(trials, noise, luck, args.searches)
                first = next(iter(found.values()))
                for name, ends in found.items():
                    key = (trials, noise, luck, name)
                    printed.append((*map(str, key), *told(ends, first)))
                    filed += [(*key, seed, round(end.score, 4), end.trainings) for seed, end in enumerate(ends)]
    if args.csv:
        write_rows(args.csv, COLUMNS, filed)
    print_table((*COLUMNS[:4], 'true score', 'all', 'gain'), printed, left=('interaction', 'budget'))


if __name__ == '__main__':
    main()
