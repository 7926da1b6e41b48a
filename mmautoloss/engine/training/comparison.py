"""Found losses against hand-made ones on images that the search has not seen, with several seeds each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmengine.config import Config

from mmautoloss.branches import find_losses
from mmautoloss.engine.config.begin import CheckpointBegin, TrunkBegin
from mmautoloss.engine.config.branches import build_model
from mmautoloss.engine.config.spec import SearchSpec, read_genome
from mmautoloss.engine.data.final_split import final_split_of, with_final_split
from mmautoloss.engine.data.ground_truth import require_matching_truth
from mmautoloss.engine.data.leak import require_unseen
from mmautoloss.engine.training.checkpoint_interval import interim_of
from mmautoloss.engine.training.filed_trainings import FailedTrainings, FiledTrainings, conditions_of
from mmautoloss.engine.training.late_start import begun_settings
from mmautoloss.engine.training.scale import unscaled_rate
from mmautoloss.errors import SetupError
from mmautoloss.key_values import pairs_of
from mmautoloss.losses import name_of
from mmautoloss.proxy import ProxySettings, one_at_a_time
from mmautoloss.report import ResultRow, is_greater, print_comparison, read_results
from mmautoloss.report.result_row import USUAL
from mmautoloss.trial import Role, Trial


def compare(
    spec: SearchSpec,
    candidates: Sequence[Trial],
    known: Sequence[Trial],
    seeds: Sequence[int],
    split: str | None = None,
    metrics: Sequence[str] = (),
    checkpoint_interval: int | None = None,
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
        metrics: Keys of the validation, of which each training gets a row each; none for the metric of the search.
        checkpoint_interval: Steps of the schedule after which each training is saved, to go on from there if it is killed;
            None as the ``CheckpointHook`` of the base config says, 0 for never.

    Returns:
        The new rows.

    Raises:
        SetupError: There is no file for results, the search has seen the images that would be scored, or a metric is not
            among those of the config.
        FailedTrainings: Trainings failed; the rows of all others are written.
    """
    filed = _filed(spec, split, metrics, checkpoint_interval)
    return _train(filed, _trials(candidates, known, seeds), spec)


def compare_and_print(
    spec: SearchSpec,
    candidates: Sequence[Trial],
    known: Sequence[Trial],
    seeds: Sequence[int],
    split: str | None = None,
    metrics: Sequence[str] = (),
    dry: bool = False,
    checkpoint_interval: int | None = None,
) -> None:
    """Compares (``compare``) and prints a table a metric, with all rows of the file on these images; also after failures.

    Args:
        spec: The search; its ``base`` says how to train.
        candidates: Trials of the search whose losses are compared.
        known: Trials of the search with known losses, which are compared as well.
        seeds: Each loss is trained once per seed.
        split: Name of the set that is scored, for the rows.
        metrics: Keys of the validation.
        dry: Whether to print what the trainings take, from a few iterations, instead.
        checkpoint_interval: As of ``compare``.
    """
    filed = _filed(spec, split, metrics, checkpoint_interval)
    if note := unscaled_rate(spec.base):
        print(note)
    if dry:
        print(*filed.dry_run(_trials(candidates, known, seeds), spec.execute).lines(), sep='\n')
        return
    failed: FailedTrainings | None = None
    try:
        _train(filed, _trials(candidates, known, seeds), spec)
    except FailedTrainings as error:
        failed = error
    rows = filed.comparable(read_results(filed.path))
    for metric in filed.metrics:
        greater = spec.proxy.greater if metric == spec.proxy.metric else is_greater(metric)
        if any(row.setting == filed.setting(metric) for row in rows):
            print_comparison(rows, filed.setting(metric), filed.describe.hand_made, greater)
    if failed:
        raise failed


@one_at_a_time
def _train(filed: FiledTrainings, trials: Sequence[Trial], spec: SearchSpec) -> list[ResultRow]:
    trained = list(filed.train(trials, spec.execute))
    if filed.failures:
        raise FailedTrainings(
            f'{len(filed.failures)} of {len(trained)} trainings of the comparison failed, so that some losses are '
            f'judged by fewer seeds than others:\n' + '\n'.join(dict.fromkeys(filed.failures))
        )
    return [row for rows in trained for row in rows]


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


def _filed(
    spec: SearchSpec, split: str | None, metrics: Sequence[str], checkpoint_interval: int | None = None
) -> FiledTrainings:
    """The trainings of a comparison, after the checks that need no training."""
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
    begin = spec.training.begin
    settings = _settings(spec, begin, checkpoint_interval)
    describe = replace(spec.describe, split=split or judging)
    return FiledTrainings(spec.results, settings, describe, conditions_of(begin, settings), metrics)


def _settings(
    spec: SearchSpec, begin: TrunkBegin | CheckpointBegin | None, checkpoint_interval: int | None
) -> ProxySettings:
    """Those of trainings of the base config that begin as the candidates did."""
    config, folder = with_final_split(spec.base), spec.work_dir / 'compare'
    plain = replace(
        spec.proxy, config=config, schedule=config['train_cfg'], work_dir=str(folder), invalid_stop=None, rung=None
    )
    given = spec.training.schedule if isinstance(begin, CheckpointBegin) else None
    begun = begun_settings(plain, begin, Config(config), folder, given)
    return replace(begun, interim=interim_of(Config(config), begun.schedule, folder, checkpoint_interval))


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
