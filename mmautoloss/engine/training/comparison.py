"""Found losses against hand-made ones on images that the search has not seen, with several seeds each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmengine.config import Config

from mmautoloss.branches import find_losses
from mmautoloss.engine.config.begin import CheckpointBegin
from mmautoloss.engine.config.branches import build_model
from mmautoloss.engine.config.spec import SearchSpec, read_genome
from mmautoloss.engine.data.final_split import final_split_of, with_final_split
from mmautoloss.engine.data.ground_truth import require_matching_truth
from mmautoloss.engine.data.leak import require_unseen
from mmautoloss.engine.training.late_start import begun_settings, with_trunks
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.execute import build_executor, train_all
from mmautoloss.key_values import pairs_of
from mmautoloss.losses import name_of
from mmautoloss.proxy import ProxyEvaluator, one_at_a_time, require_fitting, require_metric
from mmautoloss.report import (
    ConsoleObserver,
    Description,
    ResultRow,
    append_results,
    length_of,
    make_row,
    read_results,
)
from mmautoloss.report.results import USUAL
from mmautoloss.trial import History, Outcome, Role, Trial


@one_at_a_time
def compare(
    spec: SearchSpec,
    candidates: Sequence[Trial],
    known: Sequence[Trial],
    seeds: Sequence[int],
    split: str | None = None,
) -> list[ResultRow]:
    """Trains hand-made and found losses as the base config says, and scores on its test set, or its validation set.

    After a trunk or from a checkpoint, if the candidates of the search began there.

    The test set is scored if it differs from the validation set (``final_split_of``).

    Each row is appended to ``spec.results`` at once, and rows that the file has already are not trained again.

    Args:
        spec: The search; its ``base`` says how to train.
        candidates: Trials of the search whose losses are compared.
        known: Trials of the search with known losses, which are compared as well.
        seeds: Each loss is trained once per seed.
        split: Name of the set that is scored, for the rows; None takes ``'test'`` or ``'val'``.

    Returns:
        The new rows.

    Raises:
        SetupError: There is no file for results, the search has seen the images that would be scored, or the metric is not
            among those of the config; or trainings failed, and the rows of all others were written before.
    """
    comparison = _Comparison(spec, split)
    pending = [trial for trial in _trials(candidates, known, seeds) if not comparison.has(trial)]
    if not pending:
        return []
    evaluator = ProxyEvaluator(comparison.proxy)
    if comparison.proxy.checkpoint:
        require_fitting(in_setup(lambda: evaluator.runner).bare_model, comparison.proxy.checkpoint)
    in_setup(lambda: require_metric(evaluator))
    pending = with_trunks(pending, comparison.proxy, spec.execute, evaluator)
    executor = build_executor(spec.execute, comparison.proxy, evaluator)
    for trial, outcome in train_all(executor, [comparison.begin(trial) for trial in pending]):
        comparison.settle(trial, outcome)
    if comparison.failures:
        raise SetupError(
            f'{len(comparison.failures)} of {len(pending)} trainings of the comparison failed, so that some losses are '
            f'judged by fewer seeds than others:\n' + '\n'.join(dict.fromkeys(comparison.failures))
        )
    return comparison.rows


def described(spec: SearchSpec, split: str) -> Description:
    """The labels of rows: those of the search, and where the trainings begin if not from scratch."""
    begin = spec.training.begin
    network = f'{spec.describe.network}_{begin.label}' if begin else spec.describe.network
    return replace(spec.describe, network=network, split=split)


def length_compared(spec: SearchSpec) -> int:
    """The length of each training, as rows say it."""
    begin = spec.training.begin
    return length_of(spec.training.schedule if isinstance(begin, CheckpointBegin) else spec.base.train_cfg)


def with_usual_weight(entry: str, spec: SearchSpec) -> Trial:
    """A known loss, or one by hand, in the place and with the ``loss_weight`` of the hand-made losses.

    Args:
        entry: A known loss or an expression for all branches, ``NAME=LOSS,NAME=LOSS`` for each, or the name of a card.
        spec: The search.

    Raises:
        SetupError: It is no loss for these branches.
    """
    losses = pairs_of('--also', entry.split(',')) if '=' in entry else entry
    usual_weights = {place.path: place.weight for place in find_losses(build_model(spec.base))}
    weights = {branch.name: usual_weights[branch.path] for branch in spec.branches}
    genome = read_genome(losses, spec.branches)
    named = all(name_of(tree) for tree in genome.values())
    return Trial(0, Role.KNOWN, 0, genome, weights, origin=USUAL if named else f'{entry}, {USUAL}')


class _Comparison:
    """The rows of a comparison, and its output on the console."""

    def __init__(self, spec: SearchSpec, split: str | None) -> None:
        if spec.results is None:
            raise SetupError('A comparison needs a file for its rows: --results FILE.csv.')
        require_unseen(spec.proxy.config, spec.base)
        judging = final_split_of(spec.base)
        if (split, judging) == ('val', 'test'):
            raise SetupError(
                "The losses are scored on the config's test_dataloader, so their rows cannot be of the split 'val': leave "
                'out --split, or give the rows another name.'
            )
        require_matching_truth(spec.base, judging)
        config = with_final_split(spec.base)
        work_dir = str(spec.work_dir / 'compare')
        plain = replace(
            spec.proxy, config=config, schedule=config['train_cfg'], work_dir=work_dir, invalid_stop=None, rung=None
        )
        self.proxy = begun_settings(plain, spec, Config(config), spec.work_dir / 'compare')
        self.describe = described(spec, split or judging)
        self.path = spec.results
        self.rows: list[ResultRow] = []
        self.failures: list[str] = []
        self._known = {_identity(row) for row in read_results(self.path)}
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
        """Writes the row of a training, or notes its failure."""
        self._history.settle(trial.number, outcome)
        self._observer.settled(self._history[trial.number], self._history)
        if outcome.score is None:
            self.failures.append(outcome.reason)
            return
        row = make_row(trial, self.describe, self.proxy, self.proxy.value(outcome.metrics))
        append_results(self.path, [row])
        self.rows.append(row)


def _trials(candidates: Sequence[Trial], known: Sequence[Trial], seeds: Sequence[int]) -> list[Trial]:
    trials = []
    for seed in seeds:  # seed by seed, so that an early end still compares like with like
        trials.append(Trial(0, Role.BASELINE, seed, origin='hand-made'))
        for loss in known:
            trials.append(replace(loss, number=0, seed=seed, outcome=None, funnel={}, fingerprint=''))
        for candidate in candidates:
            again = Trial(0, Role.FINALIST, seed, candidate.genome, candidate.weights, origin='repeat')
            trials.append(replace(again, parent=candidate.number, repeats=candidate.number))
    return trials


def _identity(row: ResultRow) -> tuple[str, ...]:
    """The columns that identify a row: all but its value."""
    return tuple(map(str, row[:-1]))
