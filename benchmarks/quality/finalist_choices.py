"""Which finalists are trained again? Searches with drawn scores, where it is known which finalist is the best.

    python benchmarks/quality/finalist_choices.py    # about three minutes

Losses differ by a normal number, whose standard deviation is ``--spread`` times that of scores over seeds. A choice is right
if it is the best finalist; ``lost`` is by how much the chosen one is worse, in standard deviations over seeds.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from tables import print_table, write_rows

from mmautoloss.checks import whole_argument
from mmautoloss.search import Budget
from mmautoloss.testing.simulated_searches import simulate
from mmautoloss.trial import Role

BUDGETS = ((3, 2), (3, 4), (5, 2), (8, 2), (8, 4))
"""Finalists, and repeats of each."""

COLUMNS = ('finalists', 'repeats', 'allocation', 'right', 'lost', 'trainings')


class Choice(NamedTuple):
    """The choice of one search.

    Attributes:
        right: Whether the best finalist was chosen.
        lost: How much worse the chosen one is than the best.
        trainings: Trainings of finalists.
    """

    right: bool
    lost: float
    trainings: int


def choose(budget: Budget, spread: float, seed: int) -> Choice:
    """The choice of a search, with the true differences of all losses drawn."""
    draws = [random.Random(f'{seed}/{number}').gauss(0, spread) for number in range(budget.max_trials + 10)]
    history = simulate(budget, draws.__getitem__, random.Random(seed), known=0)
    finalists = [trial.number for trial in history.best_found(budget.finalists)]
    best, chosen = max(draws[number] for number in finalists), draws[history.ranking(len(finalists))[0].number]
    return Choice(chosen == best, best - chosen, len(history.of_role(Role.FINALIST)))


def compare(spread: float, searches: int, trials: int) -> list[Sequence[object]]:
    """A row for each budget and allocation."""
    rows = []
    for finalists, repeats in BUDGETS:
        for allocation in ('equal', 'halving'):
            budget = Budget(trials, None, 0, finalists, repeats, allocation, 0)
            found = [choose(budget, spread, seed) for seed in range(searches)]
            means = [round(fmean(column), 3) for column in zip(*found, strict=True)]
            rows.append((finalists, repeats, allocation, *means))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--searches', type=whole_argument(1), default=2000)
    parser.add_argument('--trials', type=whole_argument(8), default=64, help='candidates of a search')
    parser.add_argument('--spread', type=float, default=0.7)
    parser.add_argument('--csv', type=Path)
    args = parser.parse_args()
    rows = compare(args.spread, args.searches, args.trials)
    if args.csv:
        write_rows(args.csv, COLUMNS, rows)
    print_table(COLUMNS, [[str(value) for value in row] for row in rows], left=('allocation',))


if __name__ == '__main__':
    main()
