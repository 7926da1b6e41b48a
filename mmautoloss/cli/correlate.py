"""``mmautoloss correlate``: whether the short trainings of a search predict long ones."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmautoloss.report import Correlation, Pair
    from mmautoloss.trial import Outcome

DESCRIPTION = """\
Trains some settled candidates of a search again, for several times as long and with the same seeds, and the
hand-made losses beside them. It says how well the scores of the search order the candidates: Kendall's tau
with a 95 % interval, how many of the best stay among the best, how many of those that are better than the
hand-made losses stay so, and what the best of the search loses against the best of the long trainings. The
candidates lie evenly over all ranks. Each training is filed in WORK_DIR/correlate.csv at once; the same
command goes on after an interruption. The keys of --json are those of
mmautoloss.report.correlation.Correlation."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser(
        'correlate', help='say whether short trainings predict long ones', description=DESCRIPTION
    )
    parser.add_argument('work_dir', metavar='WORK_DIR', help='the work dir of a search')
    parser.add_argument('--times', type=_times, default=10.0, help='how many times as long (10)')
    parser.add_argument('--count', type=_count, default=12, help='candidates to train (12)')
    parser.add_argument('--workers', type=int, help="worker processes; the search's by default")
    parser.add_argument('--config', metavar='CONFIG', help='the search config, where the work dir has none of yours')
    parser.add_argument('--json', action='store_true', help='everything as a JSON object')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains, computes and prints."""
    from dataclasses import replace

    from mmautoloss.engine import load_spec, require_one_task, train_longer
    from mmautoloss.errors import SetupError
    from mmautoloss.report import choose_spread, correlation_of
    from mmautoloss.trial import Role, find_journal, read_history

    path = find_journal(Path(args.work_dir))
    history = read_history(path)[1]
    trials = choose_spread(history, args.count)
    if len(trials) < 2:
        raise SetupError(f'A correlation needs two trained candidates or more, but {path} has {len(trials)}.')
    spec = load_spec(path.parent, Path(args.config) if args.config else None)
    require_one_task(spec, 'A correlation')
    if args.workers is not None:
        spec = replace(spec, execute=replace(spec.execute, workers=args.workers))
    sign = 1 if spec.proxy.greater else -1
    hand_made = [trial for trial in history.of_role(Role.BASELINE) if trial.score is not None][:1]
    pairs = train_longer(
        spec,
        [*hand_made, *trials],
        args.times,
        lambda pair, outcome: None if args.json else _say(pair, outcome, sign),
    )
    correlation = correlation_of(pairs[len(hand_made) :], args.times, pairs[0] if hand_made else None)
    if args.json:
        print(json.dumps(correlation.to_json(), indent=2))
    else:
        _print(correlation, sign)
        _advise(correlation, args.work_dir)
    return 0


def _say(pair: Pair, outcome: Outcome, sign: int) -> None:
    lines = outcome.reason.strip().splitlines() or ['no reason given']
    result = lines[-1] if pair.long is None else f'{sign * pair.long:.4f}'
    print(
        f'trial {pair.trial}: {sign * pair.short:.4f} in the search, {result} after {outcome.seconds:.0f} s',
        flush=True,
    )


def _print(result: Correlation, sign: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='bold')
    for title in ('trial', 'in the search', f'{result.times:g} times as long'):
        table.add_column(title, justify='right')
    hand_made = [('hand-made', result.hand_made)] if result.hand_made else []
    for name, pair in [*hand_made, *((str(pair.trial), pair) for pair in result.pairs)]:
        long = 'failed' if pair.long is None else f'{sign * pair.long:.4f}'
        table.add_row(name, f'{sign * pair.short:.4f}', long)
    console.print(table)
    if result.tau is None:
        console.print('Nothing can be said: too few trainings succeeded, or all scores are equal.')
        return
    interval = '' if result.tau_range is None else ', 95 % interval {:.2f} to {:.2f}'.format(*result.tau_range)
    console.print(f"Kendall's tau {result.tau:.2f}{interval}, of {len(result.pairs) - result.failed} candidates")
    console.print(f'{result.best_kept:.0%} of the best {result.few} stay among the best {result.few}')
    if result.above is not None:
        console.print(
            f'{result.above} are better than the hand-made losses in the search, {result.stay_above} of them still '
            f'{result.times:g} times as long'
        )
    console.print(f'the best of the search is {result.regret:.4f} worse than the best of the long trainings')


def _advise(result: Correlation, work_dir: str) -> None:
    """Prints which losses are best in long trainings, if they are hand-made or not the best of the search."""
    if result.tau is None:
        return
    best = max((pair for pair in result.pairs if pair.long is not None), key=lambda pair: pair.required_long)
    if result.hand_made and result.hand_made.long is not None and result.hand_made.long >= best.required_long:
        print('in long trainings the hand-made losses are the best')
    elif result.regret:
        print(f'that one is trial {best.trial}: mmautoloss apply BASE {work_dir} --trial {best.trial} -o OUT')


def _times(text: str) -> float:
    times = float(text)
    if not 1 < times < float('inf'):
        raise argparse.ArgumentTypeError(f'--times must be above 1, but got {text}')
    return times


def _count(text: str) -> int:
    count = int(text)
    if count < 2:
        raise argparse.ArgumentTypeError(f'--count must be 2 or more, but got {text}')
    return count
