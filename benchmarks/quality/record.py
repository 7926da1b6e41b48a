"""The recorded table of losses: many losses of all ranks, each trained short, long and late, with several seeds.

    python benchmarks/quality/record.py configs/camvid/deeplabv3plus_late_search_bf1.py \\
        --out docs/results/recorded/camvid.csv --cfg-options data_root=/path/to/camvid

CONFIG is a search whose candidates begin at a trunk. Its losses are trained from scratch for a tenth, for three tenths and
for the whole of the length of its base config, each with the whole schedule of the learning rate; after its trunk; and
from a checkpoint, if one is given, for a tenth more. All see the images on which the search trains its candidates, and
are scored on those on which it scores them (split ``search_val``).

The losses are the hand-made ones, known losses, sums of them, those of cards, and mutants of all of these, of which the
rejection test of the search, at the initial weights, accepts two thirds; the same with each call. A file that has rows
already says by them which losses come first, also if the library knows others by now. Each has one weight in all
trainings, by which its gradient at the end of the trunk is as long as that of the hand-made losses.

Each training has a row a metric, written at once; the same command goes on after an interruption, and takes more losses
or seeds. A loss that fails by itself or takes too long has the value nan; remove its rows to train it again. A training
that failed otherwise, such as by a dead worker, has no row, and the next call repeats it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from loss_sample import NamedLoss, losses_of_rows, sample_losses
from mmengine.config import Config, DictAction
from tables import print_table

from mmautoloss.checks import MAX_SEED, whole_argument
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.config.begin import CheckpointBegin, TrunkBegin
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.training import FiledTrainings, conditions_of
from mmautoloss.engine.training.late_start import begun_settings, with_trunks
from mmautoloss.errors import MMAutoLossError, SetupError, in_setup
from mmautoloss.proxy import (
    Begin,
    ProxyEvaluator,
    ProxySettings,
    Trunks,
    capture_probes,
    lengthen,
    numbers,
    require_metric,
)
from mmautoloss.report.results import read_results
from mmautoloss.screen import Screen
from mmautoloss.trial import Role, Trial

SHARES = (0.1, 0.3, 1.0)
"""Lengths of the trainings from scratch, as shares of the whole."""

HAND_MADE = 'hand-made'
SPLIT = 'search_val'
_SIZES = ('_s', '_m', '_l')
"""Endings of the metrics of COCO for objects of one size, which small sets do not have."""


class Condition(NamedTuple):
    """One way to train.

    Attributes:
        begin: Where; None for from scratch.
        settings: Its settings.
    """

    begin: TrunkBegin | CheckpointBegin | None
    settings: ProxySettings


def conditions(spec: SearchSpec, checkpoint: Path | None) -> list[Condition]:
    """From scratch with all lengths, late, and from a checkpoint if there is one.

    Raises:
        SetupError: Candidates of the search do not begin at a trunk, or the checkpoint is no file.
    """
    begin, folder = spec.training.begin, spec.work_dir / 'record'
    if not isinstance(begin, TrunkBegin):
        raise SetupError("CONFIG must be a search whose candidates begin at a trunk: proxy=dict(begin='trunk').")
    config = {**spec.proxy.config, 'train_cfg': dict(spec.training.schedule)}
    plain = replace(
        spec.proxy, config=config, schedule=config['train_cfg'], work_dir=str(folder), invalid_stop=None, rung=None
    )
    scratch = begun_settings(plain, None, Config(config), folder)
    begins = [begin, CheckpointBegin(str(checkpoint))] if checkpoint else [begin]
    return [
        *(Condition(None, lengthen(scratch, share)) for share in SHARES),
        *(Condition(each, begun_settings(plain, each, Config(config), folder)) for each in begins),
    ]


def screens_of(spec: SearchSpec, evaluator: ProxyEvaluator, begin: Begin | None) -> dict[str, Screen]:
    """The screens of the search with a rejection test and balanced weights, at the initial weights or at a trunk."""
    engine = spec.screen.engine if spec.screen.engine in ('fast', 'plain') else 'fast'
    screen = replace(spec.screen, engine=engine, balance='gradient')
    probes = capture_probes(
        evaluator.runner, spec.branches, screen.samples, spec.search.seed, screen.side, spec.proxy.keys, begin
    )
    return screen.build(probes, evaluator.hand_made)


def sample(spec: SearchSpec, settings: ProxySettings, count: int, first: Sequence[NamedLoss]) -> list[NamedLoss]:
    """The losses besides the hand-made ones, drawn without any training: those of the file, and further ones.

    Raises:
        SetupError: The shortest training cannot be built, such as one whose warm-up has no iteration left.
    """
    if len(first) >= count - 1:
        return list(first[: count - 1])
    evaluator = ProxyEvaluator(replace(settings, cache=0))
    try:
        in_setup(evaluator.build)
        return sample_losses(spec.branches, screens_of(spec, evaluator, None), count - 1, first)
    finally:
        evaluator.close()


def weighted(spec: SearchSpec, late: ProxySettings, losses: Sequence[NamedLoss]) -> list[Trial]:
    """The losses with the weights that balance them at the trunk with the search's seed, which is trained if missing.

    Weights that the rows have stay, as those of another processor may differ in their last digits.
    """
    evaluator = ProxyEvaluator(late)
    try:
        (begun,) = with_trunks([Trial(0, Role.BASELINE, spec.search.seed)], late, spec.execute, evaluator)
        screens = screens_of(spec, evaluator, Begin(Trunks(late.trunk.folder).load(begun.begin)))
        known = [
            Trial(0, Role.KNOWN, 0, loss.genome, loss.weights or _weights(loss, screens), origin=loss.name)
            for loss in losses
        ]
    finally:
        evaluator.close()
    return [Trial(0, Role.BASELINE, 0, origin=HAND_MADE), *known]


def _weights(loss: NamedLoss, screens: Mapping[str, Screen]) -> dict[str, float]:
    return {name: screens[name].weigh(tree).weight for name, tree in loss.genome.items()}


def metrics_of(settings: ProxySettings, asked: Sequence[str]) -> list[str]:
    """The metrics that are asked for, or else the monitored one and all other numbers of the validation.

    Raises:
        SetupError: One is not among those of the validation, or the untrained model predicts nothing, so that they are
            unknown.
    """
    evaluator = ProxyEvaluator(replace(settings, cache=0))
    try:
        in_setup(lambda: require_metric(evaluator, asked))
        if asked:
            return list(asked)
        found = sorted(numbers(evaluator.validate_untrained()))
    finally:
        evaluator.close()
    if not found:
        raise SetupError('The untrained model predicts nothing, so the metrics are unknown; name them with --metrics.')
    return [settings.metric, *(key for key in found if not key.endswith(_SIZES) and key != settings.metric)]


def record(
    spec: SearchSpec, filed: Sequence[FiledTrainings], losses: Sequence[NamedLoss], seeds: Sequence[int]
) -> None:
    """Trains what the file has not, seed by seed, and says why trainings failed."""
    late = next(each.settings for each in filed if each.settings.trunk)
    trials = weighted(spec, late, losses)
    for seed in seeds:
        for each in filed:
            print(f'seed {seed}, {each.setting(spec.proxy.metric).length}', flush=True)
            for _ in each.train([replace(trial, seed=seed) for trial in trials], spec.execute):
                pass
    failures = [reason for each in filed for reason in each.failures]
    if failures:
        print(f'{len(failures)} trainings failed:\n' + '\n'.join(dict.fromkeys(failures)))


def _filed(args: argparse.Namespace, spec: SearchSpec, ways: Sequence[Condition]) -> list[FiledTrainings]:
    metrics = metrics_of(ways[0].settings, args.metrics)
    describe = replace(spec.describe, hand_made=HAND_MADE, split=SPLIT)
    seen = conditions_of(None, ways[0].settings)
    return [
        FiledTrainings(
            args.out,
            way.settings,
            describe,
            seen._replace(begin=way.begin.label) if way.begin else seen,
            metrics,
            keep_failures=True,
            name=lambda trial, _: trial.origin,
        )
        for way in ways
    ]


def main() -> int:
    args = _parse()
    try:
        spec = spec_of(load_search_config(args.config, args.work_dir, args.cfg_options, execute__workers=args.workers))
        if spec.execute.threads:  # as in a search, since the rounding of verdicts and weights depends on it
            torch.set_num_threads(spec.execute.threads)
        ways = conditions(spec, args.checkpoint)
        filed = [] if args.list else _filed(args, spec, ways)  # before any work, since it reads what may be wrong
        first = losses_of_rows(read_results(args.out) if args.out.exists() else [], spec.branches)
        losses = sample(spec, ways[0].settings, args.losses, first)
        if args.list:
            rows = [(loss.name, *loss.genome.to_text().values()) for loss in losses]
            names = [branch.name for branch in spec.branches]
            print_table(('loss', *names), [(HAND_MADE, *[''] * len(names)), *rows], left=('loss', *names))
        else:
            record(spec, filed, losses, range(args.first_seed, args.first_seed + args.seeds))
    except MMAutoLossError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', metavar='CONFIG', help='a search config whose candidates begin at a trunk')
    parser.add_argument('--out', type=Path, required=True, metavar='FILE.csv', help='file to which rows are appended')
    parser.add_argument('--losses', type=whole_argument(1), default=60, help='with the hand-made ones (60)')
    parser.add_argument('--seeds', type=whole_argument(1), default=2, help='trainings of each loss a condition (2)')
    parser.add_argument('--first-seed', type=whole_argument(0, MAX_SEED), default=0)
    parser.add_argument('--workers', type=whole_argument(1), default=2, help='worker processes (2)')
    parser.add_argument('--checkpoint', type=Path, metavar='PATH', help='a trained model, for one more condition')
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=[],
        metavar='KEY',
        help='metrics of the rows; all numbers of the validation by default',
    )
    parser.add_argument('--list', action='store_true', help='print the losses and train nothing')
    parser.add_argument('--work-dir', help='for trunks; default work_dirs/CONFIG')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, metavar='K=V')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
