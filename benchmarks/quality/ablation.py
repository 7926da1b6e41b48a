"""Which part of the search is worth what, and which setting: the same set and budget, one change from arm to arm.

    python benchmarks/quality/ablation.py run configs/camvid/deeplabv3plus_search_bf1.py --out work_dirs/ablation/camvid \
        --max-trials 24 --seeds 0 1 2 --cfg-options data_root=/path/to/camvid
    python benchmarks/quality/ablation.py run configs/camvid/deeplabv3plus_search_bf1.py --out work_dirs/choices/camvid \
        --study choices --max-trials 24 --seeds 0 1 2 --cfg-options data_root=/path/to/camvid
    python benchmarks/quality/ablation.py show work_dirs/ablation/camvid --plot ablation.png --csv ablation.csv

``run`` searches once an arm and seed (what is finished is left alone, what was broken off goes on); ``show`` reads the
journals, also packed ones (``journal.jsonl.gz``), and nothing else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from ablation_summary import print_summaries, summaries_of, write_summaries
from arm_journals import read_arms
from arms import ARMS, CHOICES, PARTS

ROOT = Path(__file__).resolve().parents[2]

STUDIES = {'parts': PARTS, 'choices': CHOICES}


def main() -> int:
    args = _parse()
    if args.command == 'show':
        summaries = summaries_of([arm for folder in args.folders for arm in read_arms(folder)])
        print_summaries(summaries)
        if args.csv:
            write_summaries(summaries, args.csv)
        if args.plot:
            from ablation_plot import plot

            plot(summaries, args.plot)
        return 0
    for seed in args.seeds:  # seed by seed, so that an early end compares like with like
        for arm in args.arms or STUDIES[args.study]:
            _search(args, arm, seed)
    return 0


def _search(args: argparse.Namespace, arm: str, seed: int) -> None:
    folder = args.out / arm / str(seed)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / 'search.py'
    config.write_text(f'_base_ = {str(Path(args.config).absolute())!r}\ntrain_cfg = {ARMS[arm]!r}\n')
    budget = [f'train_cfg.budget.{key}=0' for key in ('baseline_repeats', 'finalists', 'confirm_seeds')]
    command = [sys.executable, str(ROOT / 'tools/search.py'), str(config), '--work-dir', str(folder), '--resume']
    command += ['--max-trials', str(args.max_trials), '--seed', str(seed), '--workers', str(args.workers)]
    command += ['--cfg-options', *budget, *args.cfg_options]
    print(f'{arm}, seed {seed}', flush=True)
    with (folder / 'log.txt').open('a') as log:
        done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        print(f'  ended with {done.returncode}; see {folder / "log.txt"}', flush=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='command', required=True)
    run = commands.add_parser('run', help='search once an arm and seed')
    run.add_argument('config', help='a search config')
    run.add_argument('--out', type=Path, required=True, help='folder of the searches of this set')
    run.add_argument('--study', choices=STUDIES, default='parts', help='parts of the search (default) or its choices')
    run.add_argument('--arms', nargs='+', choices=ARMS, help='some arms instead of those of a study')
    run.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2])
    run.add_argument('--max-trials', type=int, default=24, help='trainings of each search (24)')
    run.add_argument('--workers', type=int, default=2)
    run.add_argument('--cfg-options', nargs='+', default=[], metavar='K=V')
    show = commands.add_parser('show', help='read the journals')
    show.add_argument('folders', type=Path, nargs='+', metavar='FOLDER', help='folders that run wrote, one a set')
    show.add_argument('--csv', type=Path, help='best scores by training')
    show.add_argument('--plot', type=Path, help='best score over trainings and over hours')
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
