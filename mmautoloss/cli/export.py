"""``mmautoloss export``: found losses in the form that another place needs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmautoloss.found import Found

FORMATS = {
    'config': 'lines to paste into a config of mmdet, mmseg, mmpose or mmpretrain',
    'python': 'functions of NumPy arrays that need nothing of this package',
    'torch': 'functions of PyTorch tensors that need nothing of this package, ready to train with',
    'latex': 'equations, with all symbols explained',
    'sympy': 'lines that SymPy reads',
    'json': 'everything known, for programs; `apply` and `export` read it',
}
"""The formats: modules of ``mmautoloss.found.formats``. To add one, write a module and name it here."""

DESCRIPTION = """\
Writes found losses in another form. RESULT is the work dir of a search, its journal.jsonl, a best_losses.json,
the name of a card (mmautoloss zoo); or a loss by hand: the name of a known one, such as dice, a sum
such as 'ce + 0.5 * dice', or an expression such as '-y * log(p)', with --inputs."""

MINUS = """\
An expression that begins with a minus sign and has no blank in it needs -- before it, after all options:
  mmautoloss export --inputs softmax --format latex -- '-y*log(p)'"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    formats = '\n'.join(f'  {name:8} {words}' for name, words in FORMATS.items())
    parser = subparsers.add_parser(
        'export',
        help='write found losses as code, formulas or data',
        description=DESCRIPTION,
        epilog=f'formats:\n{formats}\n\n{MINUS}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('result', metavar='RESULT', help='a work dir, a file, a known loss or an expression')
    parser.add_argument(
        '--format', default='config', choices=tuple(FORMATS), help='the form, see below; default config'
    )
    parser.add_argument('--trial', type=int, metavar='N', help='number of the trial; the best by default')
    parser.add_argument('--branch', nargs='+', default=[], metavar='NAME', help='these branches only')
    parser.add_argument('--inputs', help='kind of input of a loss by hand, such as softmax')
    parser.add_argument('--simplify', action='store_true', help='add a shorter form where its gradient is the same')
    parser.add_argument('--lazy', action='store_true', help='config: lines of the new style, with imports')
    parser.add_argument('--ideal', action='store_true', help='sympy: without the protection of log, sqrt and /')
    parser.add_argument('-o', '--out', type=Path, metavar='FILE', help='the file that is written; else it is printed')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes or prints the losses."""
    import importlib

    from mmautoloss.found.formats import Options

    found = _read(args)
    if args.branch:
        found = found.only(args.branch)
    options = Options(args.lazy, args.ideal, _shorter(found, args))
    text = importlib.import_module(f'mmautoloss.found.formats.{args.format}').write(found, options)
    if args.out is None:
        print(text, end='')
        return 0
    from mmautoloss.files import write_output

    write_output(args.out, text)
    print(f'written: {args.out}')
    return 0


def _read(args: argparse.Namespace) -> Found:
    from mmautoloss.errors import SetupError
    from mmautoloss.found import read_by_hand, read_found
    from mmautoloss.losses import is_by_name

    source = Path(args.result)
    by_hand = args.inputs is not None or (is_by_name(args.result) and not os.path.exists(source))
    if not by_hand:
        return read_found(source, args.trial)
    if args.trial is not None:
        raise SetupError(f'--trial chooses from a journal, but RESULT is a loss by hand: {args.result!r}.')
    return read_by_hand(args.result, args.inputs)


def _shorter(found: Found, args: argparse.Namespace) -> dict:
    """Shorter forms by branch; empty if not requested."""
    from mmautoloss.losses import by_algebra, by_sympy, input_kind, shorter_form, without_constants

    if not args.simplify:
        return {}
    ways = (by_algebra, without_constants, by_sympy)
    return {loss.name: shorter_form(loss.tree, input_kind(loss.inputs), ways) for loss in found.losses}
