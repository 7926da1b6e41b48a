"""``mmautoloss replay``: every proposal of a search recomputed and compared with its journal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmautoloss.checks import whole_argument

if TYPE_CHECKING:
    from mmautoloss.engine import Replayed

DESCRIPTION = """\
Recomputes every proposal of the search in WORK_DIR from what was known when it was bred, and says
where it comes out otherwise: in its seed, expressions, weights, parent, origin, fingerprint or the
verdicts on what was drawn for it. Nothing is trained and no data are read, but expressions are
judged again, which takes as long as it did in the search; --first and --last shorten that. The exit
status is 0 where all is equal, 1 where something differs, 2 where it cannot be told."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('replay', help='recompute the proposals of a search', description=DESCRIPTION)
    parser.add_argument('work_dir', metavar='WORK_DIR', help='the work dir of a search')
    parser.add_argument('--config', type=Path, help='the search config, where the work dir has none of yours')
    parser.add_argument('--first', type=whole_argument(), default=0, metavar='N', help='the first trial to recompute')
    parser.add_argument('--last', type=whole_argument(), metavar='N', help='the last trial to recompute')
    parser.add_argument('--json', action='store_true', help='the result as a JSON object')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Recomputes, compares and prints."""
    from mmautoloss.engine import load_planner, replay
    from mmautoloss.trial import find_journal, read_events

    path = find_journal(Path(args.work_dir))
    events = read_events(path)
    wanted = _wanted(args, sum(event['event'] == 'proposed' for event in events))
    planner = load_planner(path.parent, events[0], args.config)
    replayed = islice(replay(events, planner, wanted.start), len(wanted))
    results = [_told(each, quiet=args.json) for each in _shown(replayed, len(wanted))]
    differing = [each.number for each in results if each.differences]
    if args.json:
        print(json.dumps(_to_json(results), indent=2))
    elif differing:
        numbers = ', '.join(map(str, differing))
        print(f'{len(results)} proposals recomputed: {len(differing)} differ from the journal ({numbers})')
    else:
        print(f'{len(results)} proposals recomputed: all are equal to the journal')
    return 1 if differing else 0


def _wanted(args: argparse.Namespace, count: int) -> range:
    from mmautoloss.errors import SetupError

    last = count - 1 if args.last is None else min(args.last, count - 1)
    wanted = range(max(0, args.first), last + 1)
    if not wanted:
        raise SetupError(
            f'There is nothing to recompute: the journal has {count} trials, numbered from 0, '
            f'but --first is {args.first} and --last {last}.'
        )
    return wanted


def _shown(replayed: Iterator[Replayed], total: int) -> Iterable[Replayed]:
    """The same with a bar, on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal
    return track(replayed, 'recomputing', total=total, console=console, transient=True, disable=hidden)


def _told(each: Replayed, quiet: bool) -> Replayed:
    """The same; what differs is printed as soon as it is known."""
    if each.differences and not quiet:
        lines = [f'trial {each.number}']
        for field, (journal, recomputed) in each.differences.items():
            lines += [f'  {field}', f'    journal:    {_text(journal)}', f'    recomputed: {_text(recomputed)}']
        print('\n'.join(lines), flush=True)
    return each


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _to_json(results: list[Replayed]) -> dict[str, Any]:
    differences = [
        {'number': each.number, 'field': field, 'journal': journal, 'recomputed': recomputed}
        for each in results
        for field, (journal, recomputed) in each.differences.items()
    ]
    return {'recomputed': len(results), 'differences': differences}
