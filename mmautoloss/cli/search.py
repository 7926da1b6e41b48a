"""``mmautoloss search``: a search for losses."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmautoloss.cli.arguments import add_cfg_options, options_of

if TYPE_CHECKING:
    from mmengine.config import Config

DESCRIPTION = """\
Searches losses as CONFIG says, a search config such as configs/digits/faster_rcnn_search.py. It may be killed at
any moment: the same command with --resume goes on. At its end WORK_DIR has a report, best_config.py and
best_losses.json."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('search', help='search losses, or go on with a search', description=DESCRIPTION)
    parser.add_argument('config', metavar='CONFIG', help='search config, such as configs/digits/faster_rcnn_search.py')
    parser.add_argument('--work-dir', help='where journal and results are written; default work_dirs/CONFIG')
    parser.add_argument('--max-trials', type=int, help='searched candidates to train, a total across resumes')
    parser.add_argument('--max-seconds', type=float, help='after this time no new candidate begins, a total likewise')
    parser.add_argument('--workers', type=int, help='candidates that are trained at the same time, one per GPU')
    parser.add_argument('--executor', help='local (processes of this machine, the default), ray, or one of your own')
    parser.add_argument('--ray-address', help="a running cluster, such as 'auto' or 10.0.0.1:6379; else a local one")
    parser.add_argument('--gpus-per-candidate', type=float, help='GPUs that train one candidate; 0.5: two share one')
    parser.add_argument('--isolate', action='store_true', help='a process of its own also for a single worker')
    parser.add_argument('--seed', type=int, help='seed of everything')
    parser.add_argument('--resume', action='store_true', help='continue the search in the work dir')
    parser.add_argument(
        '--repair', action='store_true', help='first make a damaged journal whole again; the damaged one is kept'
    )
    parser.add_argument(
        '--dry',
        action='store_true',
        help='build everything, train a few iterations, estimate time and memory, and end',
    )
    parser.add_argument('--results', metavar='CSV', help='file to which rows of baseline and finalists are appended')
    parser.add_argument(
        '-v', '--verbose', action='store_true', help='print every trial in full, equivalent ones too, and all scores'
    )
    add_cfg_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Searches to the end, or until it is stopped."""
    from mmautoloss.engine import dry_run, load_search_config, require_writable, spec_of
    from mmautoloss.trial import repair

    cfg = load_search_config(
        args.config,
        args.work_dir,
        options_of(args.cfg_options),
        budget__max_trials=args.max_trials,
        budget__max_seconds=args.max_seconds,
        execute__workers=args.workers,
        execute__executor=args.executor,
        execute__ray_address=args.ray_address,
        execute__gpus_per_candidate=args.gpus_per_candidate,
        execute__isolate=args.isolate or None,
        seed=args.seed,
        results=args.results,
        resume=args.resume or None,
        verbose=args.verbose or None,
    )
    if args.dry:
        print(*dry_run(spec_of(cfg)).lines(), sep='\n')
        return 0
    require_writable(Path(cfg.work_dir))
    if args.repair:
        print(repair(Path(cfg.work_dir) / 'journal.jsonl'))
    return run_to_end(cfg)


def run_to_end(cfg: Config) -> int:
    """Runs a search; gives 0, or 130 where it was stopped."""
    from mmautoloss.engine import build_search

    try:
        runner = build_search(cfg)
        runner.train()
        stopped = runner.train_loop.interrupted
    except KeyboardInterrupt:
        stopped = True
    if stopped:
        print(f'stopped; the same command with --resume goes on ({cfg.work_dir})', file=sys.stderr)
    return 130 if stopped else 0
