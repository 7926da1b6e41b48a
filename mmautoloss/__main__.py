"""Entry point of ``python -m mmautoloss <command>``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mmautoloss.cli import COMMANDS
from mmautoloss.errors import MMAutoLossError


def build_parser() -> argparse.ArgumentParser:
    """The parser with one sub-command for each module named in ``mmautoloss.cli.COMMANDS``."""
    parser = argparse.ArgumentParser(prog='mmautoloss', description='Searches loss functions for OpenMMLab models.')
    subparsers = parser.add_subparsers(title='commands', dest='command', required=True)
    for name in COMMANDS:
        importlib.import_module(f'mmautoloss.cli.{name}').add_parser(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The arguments after the program's name; those of the process by default.

    Returns:
        The exit status: that of the command, or 2 where it raised an error of this package, whose
        text is meant for the user and printed without a traceback.
    """
    args = build_parser().parse_args(argv)
    try:
        return args.run(args)
    except MMAutoLossError as error:
        print(f'mmautoloss {args.command}: error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
