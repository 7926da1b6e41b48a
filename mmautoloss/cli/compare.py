"""``mmautoloss compare``: hand-made, known and found losses over several seeds."""

from __future__ import annotations

import argparse

from mmautoloss.checks import MAX_SEED, whole_argument
from mmautoloss.cli.arguments import add_cfg_options, add_rows, add_scale, options_of

DESCRIPTION = """\
Trains hand-made, known and found losses as the base config of a search says, with several seeds, and scores on images
that the search has not seen: those of the base config's test_dataloader where they are others than those of
val_dataloader, else the latter. The same command goes on after an interruption."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser(
        'compare', help='compare losses over seeds on unseen images', description=DESCRIPTION
    )
    parser.add_argument('config', metavar='CONFIG', help='the search config')
    parser.add_argument('--results', metavar='CSV', required=True, help='file to which each row is appended')
    parser.add_argument('--work-dir', help='work dir of the search; default work_dirs/CONFIG')
    parser.add_argument('--best', type=whole_argument(), default=3, help='how many found losses; 0 needs no search')
    parser.add_argument(
        '--also',
        nargs='+',
        default=[],
        metavar='LOSS',
        help="known losses, sums (ce+0.5*dice) or expressions, with the hand-made losses' own weights, for all branches "
        'or decode=dice,aux=ce',
    )
    parser.add_argument('--seeds', type=whole_argument(1), default=5, help='trainings of each loss (5)')
    parser.add_argument(
        '--first-seed', type=whole_argument(0, MAX_SEED), default=100, help='one that the search has not used'
    )
    add_rows(parser)
    parser.add_argument('--workers', type=int, help='worker processes; 1 trains in this process')
    add_scale(parser)
    add_cfg_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains what the file of results has not yet, and prints a table a metric."""
    from mmautoloss.engine import (
        at_scale,
        compare_and_print,
        load_search_config,
        require_one_task,
        spec_of,
        with_usual_weight,
    )
    from mmautoloss.search import best_losses
    from mmautoloss.trial import Role, State, read_history

    cfg = load_search_config(
        args.config,
        args.work_dir,
        options_of(args.cfg_options),
        execute__workers=args.workers,
        results=args.results,
    )
    spec = spec_of(cfg)
    require_one_task(spec, 'A comparison')
    spec = at_scale(spec, args.gpus, args.auto_scale_lr)
    best, known = [], []
    if args.best:
        _, history = read_history(spec.work_dir / 'journal.jsonl')
        budget = spec.search.budget
        best = best_losses(history, budget.funnel, max(args.best, budget.finalists))[: args.best]
        known = [trial for trial in history.of_role(Role.KNOWN) if trial.state is State.COMPLETE]
    known += [with_usual_weight(entry, spec) for entry in args.also]
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    compare_and_print(spec, best, known, seeds, args.split, args.metrics, args.dry, args.checkpoint_interval)
    return 0
