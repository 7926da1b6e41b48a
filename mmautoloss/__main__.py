"""Entry point of ``python -m mmautoloss <command>`` and of the console script ``mmautoloss``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from mmautoloss import __version__
from mmautoloss.cli import COMMANDS
from mmautoloss.errors import MMAutoLossError

DESCRIPTION = """\
Searches loss functions for OpenMMLab models. A search itself is started by tools/search.py with a search
config; these commands prepare it, look after it, and use what it found. `mmautoloss COMMAND --help` says
more of each."""

EXAMPLES = """\
examples:
  mmautoloss doctor
  mmautoloss branches configs/digits/mask_rcnn.py
  mmautoloss split data/coco/annotations/instances_train2017.json --count 5000
  mmautoloss evaluate configs/digits/faster_rcnn.py roi_cls=focal_softmax --seed 1
  mmautoloss status work_dirs/digits_faster_rcnn_search --watch
  mmautoloss apply configs/transfer/cascade_rcnn.py work_dirs/digits_faster_rcnn_search -o cascade.py
  mmautoloss replay work_dirs/digits_faster_rcnn_search
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser with one sub-command for each module named in ``mmautoloss.cli.COMMANDS``."""
    parser = argparse.ArgumentParser(
        prog='mmautoloss',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'mmautoloss {__version__}')
    subparsers = parser.add_subparsers(title='commands', dest='command', metavar='COMMAND', required=True)
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
