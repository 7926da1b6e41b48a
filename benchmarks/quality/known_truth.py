"""Does a search find what is known to be right? Three small tasks whose best loss is known, from their usual loss.

    python benchmarks/quality/known_truth.py            # three seeds of each, about two minutes
    python benchmarks/quality/known_truth.py --seeds 0 --csv truths.csv

Each task (``mmautoloss/testing/known_truths.py`` says why its loss is right) trains a linear network. A search begins at the
usual loss and is never told the right one; found and right losses are trained with three seeds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from itertools import product
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from tables import print_table, write_rows

from mmautoloss.search import SearchStalled
from mmautoloss.testing.known_truths import TRUTHS, truth_config
from mmautoloss.testing.toy_searches import run_toy
from mmautoloss.trial import History, read_history


class Found(NamedTuple):
    """What a search found.

    Attributes:
        usual: Mean score of the usual loss.
        right: Mean score of the right one.
        found: Mean score of the winner.
        trained: How many candidates were trained.
        expression: The winner.
    """

    usual: float
    right: float
    found: float
    trained: int
    expression: str


def search(task: str, seed: int, folder: Path, changes: dict | None = None) -> Found:
    """Searches a task, and trains its right loss."""
    history = _run(task, folder / 'search', {'seed': seed, **(changes or {})})
    winner = history.winner()
    return Found(
        usual=mean(history.baseline_scores()),
        right=_score_right(task, folder / 'right'),
        found=mean(history.scores_of(winner.number)),
        trained=history.n_proxies(),
        expression=str(winner.genome['loss']),
    )


def _score_right(task: str, folder: Path) -> float:
    """The right loss with the three seeds of a baseline: a search of nothing whose hand-made loss it is."""
    budget = {'budget.max_trials': 0, 'budget.finalists': 0, 'seeds': []}
    base = {'model.head.loss.expression': TRUTHS[task].best}
    return mean(_run(task, folder, budget, base).baseline_scores())


def _run(task: str, folder: Path, changes: dict, base: dict | None = None) -> History:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return run_toy(truth_config(folder, task, changes, base))
        except SearchStalled:  # nothing new is drawn: what there is counts
            return read_history(folder / 'work/journal.jsonl')[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    parser.add_argument('--csv', type=Path, help='a row a task and seed')
    args = parser.parse_args()
    titles = ('task', 'seed', *Found._fields)
    printed, filed = [], []
    for task, seed in product(TRUTHS, args.seeds):
        with tempfile.TemporaryDirectory() as folder:
            found = search(task, seed, Path(folder))
        scores = [f'{score:.3f}' for score in found[:3]]
        printed.append((task, str(seed), *scores, str(found.trained), found.expression))
        filed.append((task, seed, *(round(score, 4) for score in found[:3]), *found[3:]))
        if args.csv:  # after each, as a search may take long
            write_rows(args.csv, titles, filed)
    print_table(titles, printed, left=('task', 'expression'))


if __name__ == '__main__':
    main()
