"""Found losses against hand-made ones on images that no search has seen, with several seeds each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.spec import SearchSpec, read_genome
from mmautoloss.engine.trainings import train_all
from mmautoloss.errors import SetupError
from mmautoloss.proxy import Branch, plain_config
from mmautoloss.report import ConsoleObserver, ResultRow, append_results, make_row, read_results
from mmautoloss.report.results import USUAL
from mmautoloss.trial import History, Outcome, Role, Trial


def compare(
    spec: SearchSpec, candidates: Sequence[Trial], known: Sequence[Trial], seeds: Sequence[int], split: str
) -> list[ResultRow]:
    """Trains hand-made and found losses as the base config says, and scores on the base config's own validation set.

    Every row is appended to ``spec.results`` as soon as it is there, and rows that the file has are not trained again.

    Args:
        spec: The search; its ``base`` says how to train.
        candidates: Trials of the search whose losses are compared.
        known: Trials of the search with known losses, which are compared as well.
        seeds: One training of each loss a seed.
        split: Name of the base config's validation set, for the rows.

    Returns:
        The rows that were trained now.

    Raises:
        SetupError: A training failed, or there is no file for results.
    """
    if spec.results is None:
        raise SetupError('A comparison needs a file for its rows: --results FILE.csv.')
    comparison = _Comparison(spec, split)
    pending = [trial for trial in _trials(candidates, known, seeds) if not comparison.has(trial)]
    executor = spec.execute.build(comparison.proxy)
    for trial, outcome in train_all(executor, [comparison.begin(trial) for trial in pending]):
        comparison.settle(trial, outcome)
    return comparison.rows


def with_usual_weight(entry: str, spec: SearchSpec) -> Trial:
    """A known loss, or one by hand, in the place and with the ``loss_weight`` of the hand-made losses.

    Args:
        entry: A name of ``losses.ZOO`` or an expression for all branches, or ``NAME=LOSS,NAME=LOSS`` for each.
        spec: The search.

    Raises:
        SetupError: It is no loss for these branches.
    """
    named = dict(part.partition('=')[::2] for part in entry.split(',')) if '=' in entry else entry
    weights = {branch.name: _usual_weight(spec.base, branch) for branch in spec.branches}
    return Trial(0, Role.KNOWN, 0, read_genome(named, spec.branches), weights, origin=USUAL)


def _usual_weight(base: Config, branch: Branch) -> float:
    node: Any = base.model
    for part in branch.config_path.split('.'):
        if isinstance(node, Mapping) and part not in node:
            return 1.0  # the head's own default, which the config does not mention
        node = node[int(part)] if isinstance(node, (list, tuple)) else node[part]
    return float(node.get('loss_weight', 1.0))


class _Comparison:
    """The rows, and what a person sees of them."""

    def __init__(self, spec: SearchSpec, split: str) -> None:
        config = plain_config(spec.base)
        work_dir = str(spec.work_dir / 'compare')
        self.proxy = replace(
            spec.proxy, config=config, schedule=config['train_cfg'], work_dir=work_dir, invalid_stop=None, rung=None
        )
        self.describe = {**spec.describe, 'split': split}
        self.path = spec.results
        self.rows: list[ResultRow] = []
        self._known = {_identity(row) for row in read_results(spec.results)}
        self._history = History()
        self._observer = ConsoleObserver(spec.branches, self.proxy.metric, self.proxy.greater)

    def has(self, trial: Trial) -> bool:
        """Whether the file has this training already."""
        return _identity(make_row(trial, self.describe, self.proxy, 0.0)) in self._known

    def begin(self, trial: Trial) -> Trial:
        """The trial with a number of its own."""
        self._history.add(replace(trial, number=len(self._history)))
        return self._history[len(self._history) - 1]

    def settle(self, trial: Trial, outcome: Outcome) -> None:
        """Files what came of a training."""
        self._history.settle(trial.number, outcome)
        self._observer.settled(self._history[trial.number], self._history)
        if outcome.score is None:
            raise SetupError(f'A training of the comparison failed:\n{outcome.reason}')
        row = make_row(trial, self.describe, self.proxy, self.proxy.value(outcome.metrics))
        append_results(self.path, [row])
        self.rows.append(row)


def _trials(candidates: Sequence[Trial], known: Sequence[Trial], seeds: Sequence[int]) -> list[Trial]:
    trials = []
    for seed in seeds:  # seed by seed, so that an early end still compares like with like
        trials.append(Trial(0, Role.BASELINE, seed, origin='hand-made'))
        for loss in known:
            trials.append(replace(loss, number=0, seed=seed, outcome=None, funnel={}, fingerprint=''))
        for found in candidates:
            again = {'genome': found.genome, 'weights': found.weights, 'parent': found.number}
            trials.append(Trial(0, Role.FINALIST, seed, origin='repeat', repeats=found.number, **again))
    return trials


def _identity(row: ResultRow) -> tuple[str, ...]:
    """What a row is about: all but its value."""
    return tuple(map(str, row[:-1]))
