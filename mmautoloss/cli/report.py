"""``mmautoloss report``: the page of a search."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

DESCRIPTION = """\
Writes the page of the search in WORK_DIR, which may still run: verdict, scores over time, the best
losses, screening, operators, failures, time, settings. It is one HTML file that fetches nothing and
opens from disk; a folder of the same name beside it has every figure and table as CSV and JSON.
A search writes its page by itself when it is over. Curves of hand-made losses and pictures of predictions
need the search config, which is a program: that in WORK_DIR is run only if a search of yours has written
it, else name it with --config. The keys of --json are those of
mmautoloss.report.facts.Facts."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('report', help='write the page of a search', description=DESCRIPTION)
    parser.add_argument('work_dir', metavar='WORK_DIR', help='the work dir of a search, or its journal.jsonl')
    parser.add_argument(
        '-o', '--output', metavar='FILE', type=_page, help='the HTML file; default WORK_DIR/report.html'
    )
    parser.add_argument(
        '--config', metavar='CONFIG', type=Path, help='the search config, where the work dir has none of yours'
    )
    parser.add_argument('--json', action='store_true', help='print all facts as a JSON object, and write no page')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the page, or prints its facts."""
    from mmautoloss.engine import read_facts, write_report
    from mmautoloss.trial import find_journal, read_journal

    journal = find_journal(Path(args.work_dir))
    if args.json:
        print(json.dumps(read_facts(read_journal(journal), journal.parent).to_json(), indent=2))
    else:
        print(write_report(journal, args.output, config=args.config))
    return 0


def _page(text: str) -> Path:
    """The path of a page; a file with another suffix may be anything else, such as the journal."""
    if Path(text).suffix not in ('.html', '.htm'):
        raise argparse.ArgumentTypeError(f'FILE must end with .html, but got {text}')
    return Path(text)
