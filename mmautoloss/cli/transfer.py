"""``mmautoloss transfer``: whether the losses of a search help another network, size, or data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmautoloss.cli.arguments import add_cfg_options, add_rows, add_scale, options_of

if TYPE_CHECKING:
    from mmautoloss.search import Budget
    from mmautoloss.trial import History, Trial

DESCRIPTION = """\
Trains CONFIG, which the search in WORK_DIR was not about, as it stands: with its hand-made losses, with
losses of the search, each with the weight it was found with, and with others (--also); several seeds each. Scores
are by the metric of the search, on images that it has not seen: those of CONFIG's test_dataloader where they
are others than those of val_dataloader, else the latter. Every row is appended to a CSV file, and what it has
is not trained again. A loss is called better or worse only where the 95 % interval of the
paired difference excludes zero. A found loss goes where it was found, in a cascade to all stages; --map
says otherwise."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser(
        'transfer', help='train another config with the losses of a search', description=DESCRIPTION
    )
    parser.add_argument('work_dir', metavar='WORK_DIR', help='the work dir of a search')
    parser.add_argument('config', metavar='CONFIG', help='a plain config of mmdet, mmseg, mmpose or mmpretrain')
    parser.add_argument('--best', type=_positive, default=3, help='how many of the best found losses (3)')
    parser.add_argument('--trials', type=int, nargs='+', metavar='N', help='trials of the search instead of the best')
    parser.add_argument(
        '--also',
        nargs='+',
        default=[],
        metavar='LOSS',
        help="known losses, sums (ce+0.5*dice) or expressions, with the hand-made losses' own weights, for all branches or "
        'decode=dice,aux=ce',
    )
    parser.add_argument('--map', nargs='+', default=[], metavar='PLACE=NAME', help='which found loss goes where')
    parser.add_argument('--seeds', type=_positive, default=5, help='trainings of each loss (5)')
    parser.add_argument('--first-seed', type=_seed, default=100, help='seeds that the search has not used (100)')
    parser.add_argument('--results', metavar='CSV', help='file of the rows; WORK_DIR/transfer.csv by default')
    add_rows(parser)
    parser.add_argument(
        '--describe', nargs='+', default=[], metavar='K=V', help='network, set, hand_made, ... of the rows'
    )
    parser.add_argument('--workers', type=int, help="worker processes; the search's by default")
    parser.add_argument(
        '--search-config', metavar='CONFIG', help='the search config, where the work dir has none of yours'
    )
    add_scale(parser)
    add_cfg_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains, files and prints."""
    from dataclasses import replace

    from mmautoloss.engine import (
        Transfer,
        at_scale,
        chosen_config,
        compare_and_print,
        load_spec,
        require_one_task,
        with_usual_weight,
    )
    from mmautoloss.key_values import pairs_of
    from mmautoloss.trial import find_journal, read_history

    path = find_journal(Path(args.work_dir))
    named = Path(args.search_config) if args.search_config else None
    spec = load_spec(path.parent, chosen_config(path.parent, named, '--search-config'))
    require_one_task(spec, 'A transfer')
    trials = _choose(read_history(path)[1], spec.search.budget, args)
    results = Path(args.results) if args.results else path.parent / 'transfer.csv'
    spec = replace(spec, results=results)
    if args.workers is not None:
        spec = replace(spec, execute=replace(spec.execute, workers=args.workers))
    transfer = Transfer(
        spec,
        Path(args.config),
        options_of(args.cfg_options),
        pairs_of('--map', args.map),
        pairs_of('--describe', args.describe),
    )
    spec, moved, left_out = transfer.move(trials)
    for name in left_out:
        print(f'{name}: has no place in this model')
    spec = at_scale(spec, args.gpus, args.auto_scale_lr)
    known = [with_usual_weight(entry, spec) for entry in args.also]
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    compare_and_print(spec, moved, known, seeds, args.split, args.metrics, args.dry, args.checkpoint_interval)
    return 0


def _choose(history: History, budget: Budget, args: argparse.Namespace) -> list[Trial]:
    """The trials whose losses are carried over.

    Raises:
        SetupError: There are none, or one has no losses.
    """
    from mmautoloss.errors import SetupError
    from mmautoloss.search import best_losses
    from mmautoloss.trial import Role

    count = 0 if args.trials is not None else args.best
    chosen = best_losses(history, budget.funnel, max(count, budget.finalists))[:count]
    for number in dict.fromkeys(args.trials or []):
        if not 0 <= number < len(history) or history[number].role is not Role.SEARCH:
            raise SetupError(
                f'--trials: there is no trial {number} with a new loss; the search has {len(history)} trials. Known losses, '
                'and those of the generations of a relay, are for --also.'
            )
        chosen.append(history[number])
    if not chosen:
        raise SetupError(f'Nothing to carry over: {args.work_dir} has no trained losses yet.')
    return chosen


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be 1 or more, but got {text}')
    return number


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**31:
        raise argparse.ArgumentTypeError(f'must be an integer from 0 to 2**31 - 1, but got {text}')
    return seed
