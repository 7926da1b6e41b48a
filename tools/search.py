"""Searches losses for the model of a config: config, Runner, ``train()``."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

# MMEngine causes this warning in every process
warnings.filterwarnings('ignore', message='pkg_resources is deprecated')

from mmengine.config import DictAction  # noqa: E402

from mmautoloss.engine import build_search, load_search_config, require_writable  # noqa: E402
from mmautoloss.errors import MMAutoLossError  # noqa: E402
from mmautoloss.trial import repair  # noqa: E402


def main() -> int:
    args = parse_args()
    cfg = None
    try:
        cfg = load_search_config(
            args.config,
            args.work_dir,
            args.cfg_options,
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
        )
        require_writable(Path(cfg.work_dir))
        if args.repair:
            print(repair(Path(cfg.work_dir) / 'journal.jsonl'))
        runner = build_search(cfg)
        runner.train()
        if runner.train_loop.interrupted:
            raise KeyboardInterrupt
    except MMAutoLossError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        folder = f' ({cfg.work_dir})' if cfg else ''
        print(f'stopped; the same command with --resume goes on{folder}', file=sys.stderr)
        return 130
    return 0


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='search config, such as configs/digits/faster_rcnn_search.py')
    parser.add_argument('--work-dir', help='where journal and results are written; default work_dirs/CONFIG')
    parser.add_argument('--max-trials', type=int, help='searched candidates to train, a total across resumes')
    parser.add_argument('--max-seconds', type=float, help='after this time no new candidate begins, a total likewise')
    parser.add_argument('--workers', type=int, help='candidates that are trained at the same time, one a GPU')
    parser.add_argument('--executor', help='local (processes of this machine, the default), ray, or one of your own')
    parser.add_argument('--ray-address', help="a running cluster, such as 'auto' or 10.0.0.1:6379; else a local one")
    parser.add_argument('--gpus-per-candidate', type=float, help='GPUs that train one candidate; with Ray also 0.5')
    parser.add_argument('--isolate', action='store_true', help='a process of its own also for a single worker')
    parser.add_argument('--seed', type=int, help='seed of everything')
    parser.add_argument('--resume', action='store_true', help='continue the search in the work dir')
    parser.add_argument(
        '--repair', action='store_true', help='first make a damaged journal whole again; the damaged one is kept'
    )
    parser.add_argument('--results', metavar='CSV', help='file to which rows of baseline and finalists are appended')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='K=V',
        help='settings to replace in the config',
    )
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
