"""``mmautoloss status``: how a search stands, while it runs and afterwards."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmautoloss.report import Status

DESCRIPTION = """\
Says how the search in WORK_DIR stands, from its journal alone: whether it runs, is over or died,
what is settled and what failed, what each worker does, how fast it goes and when it will be over,
and the best losses so far beside the hand-made ones. The search is not touched; it may run on
another machine that shares the folder. The keys of --json are those of
mmautoloss.report.status.Status; with --watch there is one object a line."""

_UNFINISHED = ('running', 'not begun')


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('status', help='say how a search stands', description=DESCRIPTION)
    parser.add_argument('work_dir', metavar='WORK_DIR', help='the work dir of a search, or its journal.jsonl')
    parser.add_argument('--json', action='store_true', help='everything as a JSON object')
    parser.add_argument(
        '--watch',
        nargs='?',
        type=_seconds,
        const=5.0,
        metavar='SECONDS',
        help='show it anew every SECONDS (5) until the search is over or Ctrl-C',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the status of the search, once or repeatedly."""
    from mmautoloss.trial import find_journal

    path = find_journal(Path(args.work_dir))
    if args.watch is None:
        _show(_read_status(path), args, path)
        return 0
    try:
        while True:
            status = _read_status(path)
            _show(status, args, path)
            if status.state not in _UNFINISHED:
                return 0
            time.sleep(args.watch)
    except KeyboardInterrupt:  # ends the watching, not the search
        return 0


def _read_status(path: Path) -> Status:
    from mmautoloss.report import status_of
    from mmautoloss.trial import driver_lives, read_journal

    record = read_journal(path)
    return status_of(record, time.time(), driver_lives(record))


def _show(status: Status, args: argparse.Namespace, path: Path) -> None:
    if args.json:
        print(json.dumps(status.to_json(), indent=2 if args.watch is None else None), flush=True)
        return
    from rich.console import Console

    from mmautoloss.report import print_status

    console = Console(highlight=False, markup=False, emoji=False)
    if args.watch is not None and console.is_terminal:
        console.clear()
    print_status(status, path.parent, console)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float('inf'):
        raise argparse.ArgumentTypeError(f'SECONDS must be positive, but got {text}')
    return seconds
