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
    selected = _selected(args, sum(event['event'] == 'proposed' for event in events))
    planner = load_planner(path.parent, events[0], args.config)
    replayed = islice(replay(events, planner, selected.start), len(selected))
    results = [_printed(result, quiet=args.json) for result in _with_progress(replayed, len(selected))]
    differing = [result.number for result in results if result.differences]
    if args.json:
        print(json.dumps(_to_json(results), indent=2))
    elif differing:
        numbers = ', '.join(map(str, differing))
        print(f'{len(results)} proposals recomputed: {len(differing)} differ from the journal ({numbers})')
    else:
        print(f'{len(results)} proposals recomputed: all are equal to the journal')
    return 1 if differing else 0


def _selected(args: argparse.Namespace, count: int) -> range:
    from mmautoloss.errors import SetupError

    last = count - 1 if args.last is None else min(args.last, count - 1)
    selected = range(max(0, args.first), last + 1)
    if not selected:
        raise SetupError(
            f'There is nothing to recompute: the journal has {count} trials, numbered from 0, '
            f'but --first is {args.first} and --last {last}.'
        )
    return selected


def _with_progress(replayed: Iterator[Replayed], total: int) -> Iterable[Replayed]:
    """The proposals, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal
    return track(replayed, 'recomputing', total=total, console=console, transient=True, disable=hidden)


def _printed(result: Replayed, quiet: bool) -> Replayed:
    """Prints the differences of a proposal, unless quiet, and returns it."""
    if result.differences and not quiet:
        lines = [f'trial {result.number}']
        for field, (journal, recomputed) in result.differences.items():
            lines += [f'  {field}', f'    journal:    {_text(journal)}', f'    recomputed: {_text(recomputed)}']
        print('\n'.join(lines), flush=True)
    return result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _to_json(results: list[Replayed]) -> dict[str, Any]:
    differences = [
        {'number': result.number, 'field': field, 'journal': journal, 'recomputed': recomputed}
        for result in results
        for field, (journal, recomputed) in result.differences.items()
    ]
    return {'recomputed': len(results), 'differences': differences}
