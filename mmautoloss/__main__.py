"""Entry point of ``python -m mmautoloss <command>``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from mmautoloss.cli import COMMANDS
from mmautoloss.errors import MMAutoLossError, SetupError


def build_parser() -> argparse.ArgumentParser:
    """The parser with one sub-command for each module named in ``mmautoloss.cli.COMMANDS``."""
    parser = argparse.ArgumentParser(prog='mmautoloss', description='Searches loss functions for OpenMMLab models.')
    parser.add_argument(
        '--import',
        dest='modules',
        action='append',
        default=[],
        metavar='MODULE',
        help='a module of yours, for its losses',
    )
    subparsers = parser.add_subparsers(title='commands', dest='command', required=True)
    for name in COMMANDS:
        importlib.import_module(f'mmautoloss.cli.{name}').add_parser(subparsers)
    return parser


def _import(names: Sequence[str]) -> None:
    """Imports modules of the user, also from the present folder, which a console script does not look into.

    Raises:
        SetupError: There is no such module.
    """
    if names and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise SetupError(f'--import {name}: {error}; is its folder on PYTHONPATH?') from None


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
        _import(args.modules)
        return args.run(args)
    except MMAutoLossError as error:
        print(f'mmautoloss {args.command}: error: {error}', file=sys.stderr)
        return 2


if __name__ == '__main__':
    sys.exit(main())
