"""Entry point of ``python -m mmautoloss <command>`` and of the console script ``mmautoloss``."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence

from mmautoloss.cli import COMMANDS
from mmautoloss.errors import MMAutoLossError, SetupError
from mmautoloss.version import VERSION

DESCRIPTION = """\
Searches loss functions for OpenMMLab models. `mmautoloss COMMAND --help` says more of each command."""

EXAMPLES = """\
examples:
  mmautoloss doctor
  mmautoloss branches configs/digits/mask_rcnn.py
  mmautoloss split data/coco/annotations/instances_train2017.json --count 5000
  mmautoloss search configs/digits/faster_rcnn_search.py
  mmautoloss evaluate configs/digits/faster_rcnn.py roi_cls=focal_softmax --seed 1
  mmautoloss status work_dirs/digits_faster_rcnn_search --watch
  mmautoloss apply configs/transfer/cascade_rcnn.py work_dirs/digits_faster_rcnn_search -o cascade.py
  mmautoloss export work_dirs/digits_faster_rcnn_search --format latex
  mmautoloss report work_dirs/digits_faster_rcnn_search
  mmautoloss replay work_dirs/digits_faster_rcnn_search
"""


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser, with one subcommand for each module in ``mmautoloss.cli.COMMANDS``."""
    parser = argparse.ArgumentParser(
        prog='mmautoloss',
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'mmautoloss {VERSION}')
    parser.add_argument(
        '--import',
        dest='modules',
        action='append',
        default=[],
        metavar='MODULE',
        help='a module of yours, for its losses',
    )
    subparsers = parser.add_subparsers(title='commands', dest='command', metavar='COMMAND', required=True)
    for name in COMMANDS:
        importlib.import_module(f'mmautoloss.cli.{name}').add_parser(subparsers)
    return parser


def _import(names: Sequence[str]) -> None:
    """Imports modules of the user, also from the current folder, which is not on the path of a console script.

    Raises:
        SetupError: There is no such module, or it cannot be imported.
    """
    if names and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise SetupError(f'--import {name}: {error}; is its folder on PYTHONPATH?') from None
        except Exception as error:  # a module of the user may raise anything
            raise SetupError(
                f'--import {name}: the module raised {type(error).__name__}: {error}. '
                f'Correct it; python -c "import {name}" shows where.'
            ) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        argv: The arguments after the program's name; those of the process by default.

    Returns:
        The exit status: that of the command; 2 if it raised an error of this package, which is printed
        without a traceback; 130 if the user stopped it; or 1 if the reader of its output closed the pipe early, as
        ``head`` does.
    """
    args = build_parser().parse_args(argv)
    # MMEngine causes this warning in every process
    warnings.filterwarnings('ignore', message='pkg_resources is deprecated')
    try:
        _import(args.modules)
        status = args.run(args)
        sys.stdout.flush()  # here, where a closed pipe can be caught
        return status
    except MMAutoLossError as error:
        print(f'mmautoloss {args.command}: error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print('stopped', file=sys.stderr)
        return 130
    except BrokenPipeError:
        # otherwise Python reports the closed pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == '__main__':
    sys.exit(main())
