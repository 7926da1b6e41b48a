"""Which settings of evolution find what is known to be right? Three small tasks, one setting changed at a time.

    python benchmarks/quality/strategy_choices.py --seeds 0 1 2 --csv choices.csv    # about twenty minutes

The tasks are those of ``known_truth.py``. A search is given a third of the trainings that it has there, so that there is
something left to lose. 0 is the usual loss and 1 the one that is known to be right; above 1 is better than that.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, variance
from typing import Any

from known_truth import search
from tables import print_table, write_rows

from mmautoloss.testing.known_truths import TRUTHS

CHOICES: dict[str, dict[str, Any]] = {
    'as they are': {},
    'initial=2': {'strategy.initial': 2},
    'initial=30': {'strategy.initial': 30},
    'tournament=0.05': {'strategy.tournament': 0.05},
    'tournament=0.3': {'strategy.tournament': 0.3},
    'tournament=0.6': {'strategy.tournament': 0.6},
    'fresh_rate=0': {'strategy.fresh_rate': 0.0},
    'fresh_rate=0.05': {'strategy.fresh_rate': 0.05},
    'fresh_rate=0.5': {'strategy.fresh_rate': 0.5},
    'mutations=1': {'strategy.mutations': 1},
    'mutations=6': {'strategy.mutations': 6},
    'distinct=False': {'strategy.distinct': False},
    'priority=ucb, alpha=0.1': {'strategy.priority': 'ucb', 'strategy.alpha': 0.1},
    'priority=ucb, alpha=0.5': {'strategy.priority': 'ucb', 'strategy.alpha': 0.5},
    'random search': {'strategy': {'type': 'RandomSearch'}},
}


def shares(task: str, changes: Mapping[str, Any], seeds: Sequence[int]) -> list[float]:
    """How far from the usual loss to the right one each search came."""
    budget = {'budget.max_trials': max(8, TRUTHS[task].trials // 3)}
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            result = search(task, seed, Path(folder), {**budget, **changes})
        found.append((result.found - result.usual) / (result.right - result.usual))
    return found


def _error(found: Iterable[Sequence[float]]) -> str:
    """The standard error of the mean over tasks, from the spread between seeds of a task."""
    tasks = list(found)
    if min(map(len, tasks)) < 2:
        return '-'
    return f'{sum(variance(each) / len(each) for each in tasks) ** 0.5 / len(tasks):.2f}'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--settings', nargs='+', choices=CHOICES, default=list(CHOICES), metavar='SETTING')
    parser.add_argument('--csv', type=Path, help='a row a setting, task and seed')
    args = parser.parse_args()
    printed: list[list[str]] = []
    filed: list[tuple[Any, ...]] = []
    for setting in args.settings:
        found = {task: shares(task, CHOICES[setting], args.seeds) for task in TRUTHS}
        filed += [
            (setting, task, seed, round(share, 4))
            for task, each in found.items()
            for seed, share in zip(args.seeds, each, strict=True)
        ]
        if args.csv:  # after each, since all of it takes long
            write_rows(args.csv, ('setting', 'task', 'seed', 'share'), filed)
        means = [mean(each) for each in (*found.values(), [share for each in found.values() for share in each])]
        printed.append([setting, *(f'{each:.2f}' for each in means), _error(found.values())])
    print_table(('setting', *TRUTHS, 'mean', 'standard error'), printed, left=('setting',))


if __name__ == '__main__':
    main()
