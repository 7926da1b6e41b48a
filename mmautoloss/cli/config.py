"""``mmautoloss config``: the configs that come with the package."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """\
Lists the configs that come with mmautoloss, or writes one of them with all its settings into a file of yours, to be
changed. All commands take their names as well, such as configs/digits/faster_rcnn_search.py, wherever you are."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('config', help='list the shipped configs, or copy one', description=DESCRIPTION)
    parser.add_argument(
        'name', metavar='NAME', nargs='?', help='such as digits/faster_rcnn_search; without it, a list'
    )
    parser.add_argument(
        '-o', '--output', metavar='FILE.py', type=Path, help='a new file; default the last part of NAME'
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Lists, or writes a file."""
    from mmautoloss.engine import shipped_configs, write_shipped
    from mmautoloss.errors import SetupError

    if args.name is None:
        if args.output:
            raise SetupError('--output needs the NAME of a config.')
        for name, summary in shipped_configs().items():
            print(f'{name}\n    {summary}')
        return 0
    print(write_shipped(args.name, args.output))
    return 0
