"""``mmautoloss rungs``: what stopping at a rung would have cost and saved."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmautoloss.report import Rungs

DESCRIPTION = """\
Says what would have become of searches that watched their rung (proxy=dict(..., rung=dict(watch=True))),
had they stopped candidates there: for several values of rung.keep how many would have been stopped, how
many of these are among the best five of their search in the end (with a 95 % interval), and how much of
the candidates' time would have been saved. It reads the journals alone. The keys of --json are those of
mmautoloss.report.rung_savings.Rungs."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser(
        'rungs', help='say what stopping at a rung would have cost and saved', description=DESCRIPTION
    )
    parser.add_argument(
        'work_dirs', metavar='WORK_DIR', nargs='+', help='the work dir of a search, or its journal.jsonl'
    )
    parser.add_argument(
        '--keep', type=float, nargs='+', metavar='SHARE', help='values of rung.keep (0.25 0.5 0.75 0.9)'
    )
    parser.add_argument('--least', type=int, metavar='N', help='rung.least, candidates before any is stopped (10)')
    parser.add_argument('--json', action='store_true', help='everything as a JSON object')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Reads, computes and prints."""
    from mmautoloss.report import rungs_of
    from mmautoloss.trial import find_journal, read_journal

    records = [read_journal(find_journal(Path(folder))) for folder in args.work_dirs]
    settings = {'keeps': args.keep, 'least': args.least}
    rungs = rungs_of(
        records, names=args.work_dirs, **{name: value for name, value in settings.items() if value is not None}
    )
    if args.json:
        print(json.dumps(rungs.to_json(), indent=2))
    else:
        _print(rungs)
    return 0


def _print(rungs: Rungs) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False, emoji=False)
    correlation = 'unknown' if rungs.correlation is None else f'{rungs.correlation:.2f}'
    console.print(
        f'{rungs.trained} candidates of {rungs.searches} searches were trained to the end, {rungs.with_rung} of them had a '
        f'score at the rung, {rungs.failed} failed; rank correlation of rung and end {correlation}; the rungs took '
        f'{rungs.rung_seconds:.1%} of the time',
        soft_wrap=True,
    )
    if rungs.unscored:
        console.print(
            f'{rungs.unscored} had no score at the rung and went on, since nothing was stopped: '
            f'{rungs.unscored_trained} had one in the end ({rungs.unscored_top} among the best five), '
            f'{rungs.unscored - rungs.unscored_trained} failed',
            soft_wrap=True,
        )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='bold')
    for title in ('keep', 'stopped', 'of the best five', 'error', '95 %', 'best stopped', 'time saved'):
        table.add_column(title, justify='right')
    for row in rungs.rows:
        error = '-' if row.error is None else f'{row.error:.1%}'
        ends = '-' if row.error is None else '{:.1%} to {:.1%}'.format(*row.error_range)
        wrong = f'{row.top_stopped} of {row.top}'
        table.add_row(f'{row.keep:g}', f'{row.stopped}', wrong, error, ends, f'{row.best_stopped}', f'{row.saved:.1%}')
    console.print()
    console.print(table)
