"""``mmautoloss refine``: tunes the numbers of a loss by a search."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mmautoloss.cli.arguments import add_cfg_options, options_of
from mmautoloss.cli.search import run_to_end

if TYPE_CHECKING:
    from mmengine.config import Config

DESCRIPTION = """\
Tunes the numbers of LOSS by CMA-ES: a search in a new work dir, in which LOSS itself is trained first, and
at whose end fresh seeds compare the best with LOSS and with the hand-made losses. LOSS is the work dir of a
search, whose best losses are tuned and whose config is used; a best_losses.json; or by hand, with --config, a
known loss, a sum such as 'ce + 0.5 * dice', an expression, or a template such as
'-y * log(p) + {a=0.5} * y * (1 - p)' whose numbers in braces are tuned; NAME=LOSS for each of several
branches. Tuned are the numbers that are written, and factors of the parts of a sum; a factor of the whole
loss is its weight, which is balanced. All else, such as finalists and workers, is as the config says."""


MINUS = """\
An expression that begins with a minus sign needs -- before it, after all options:
  mmautoloss refine --config configs/fashion/resnet_search.py -- '-y * log(p) + y * (1 - p)'"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    from mmautoloss.checks import whole_argument

    parser = subparsers.add_parser(
        'refine',
        help='tune the numbers of a loss',
        description=DESCRIPTION,
        epilog=MINUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('loss', nargs='+', metavar='LOSS', help='a work dir, a file, a loss, or NAME=LOSS ...')
    parser.add_argument('--config', type=Path, help='the search config; that of the work dir by default')
    parser.add_argument('--trial', type=int, metavar='N', help='trial of the work dir; the best by default')
    parser.add_argument('--trials', type=whole_argument(1), default=40, help='trainings, with that of LOSS (40)')
    parser.add_argument(
        '--sigma', type=float, default=0.3, help='first change of the numbers, as a share of them (0.3)'
    )
    parser.add_argument(
        '--work-dir', help='where the search is written; by default beside that of LOSS, as ..._refined'
    )
    parser.add_argument('--workers', type=int, help="candidates at the same time; the config's by default")
    parser.add_argument('--seed', type=int, help="seed of the search; the config's by default")
    parser.add_argument('--resume', action='store_true', help='continue the search in the work dir')
    add_cfg_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Searches, and prints the tuned loss."""
    from mmautoloss.engine import require_writable

    cfg = _search_config(args)
    require_writable(Path(cfg.work_dir))
    status = run_to_end(cfg)
    if status == 0:
        _print_tuned(Path(cfg.work_dir))
    return status


def _search_config(args: argparse.Namespace) -> Config:
    """The config of the search of numbers."""
    from mmautoloss.engine import chosen_config, load_search_config, tuning_of
    from mmautoloss.errors import SetupError

    source = Path(args.loss[0])
    # of os.path, since a long expression is no name that pathlib would look for
    work_dir = source if len(args.loss) == 1 and os.path.isdir(source) else None
    if work_dir is None and args.config is None:
        raise SetupError('Name the search on which the loss is tuned: --config CONFIG, a search config.')
    path = args.config if work_dir is None else chosen_config(work_dir, args.config)
    settings = {'budget__max_trials': args.trials, 'execute__workers': args.workers, 'seed': args.seed}
    options = options_of(args.cfg_options)
    beside = str(work_dir or load_search_config(str(path), None, options).work_dir).rstrip('/')
    cfg = load_search_config(str(path), args.work_dir or f'{beside}_refined', options, **settings)
    cfg.train_cfg.resume = args.resume
    return tuning_of(cfg, _losses(args), args.sigma)


def _losses(args: argparse.Namespace) -> str | dict[str, str]:
    """The losses, by branch where they are."""
    from mmautoloss.errors import SetupError
    from mmautoloss.found import read_result
    from mmautoloss.key_values import pairs_of
    from mmautoloss.losses import FAMILIES, cards, is_known

    text = args.loss[0]
    if (
        len(args.loss) == 1
        and text not in FAMILIES
        and not is_known(text)
        and (os.path.exists(text) or text in cards())
    ):
        return {loss.name: loss.expression for loss in read_result(Path(text), args.trial)}
    if args.trial is not None:
        raise SetupError(f'--trial chooses from a work dir, but LOSS is {" ".join(args.loss)}.')
    if len(args.loss) == 1 and not re.match(r'[A-Za-z_]\w*=', text):  # braces have the sign as well
        return text
    return pairs_of('LOSS', args.loss)


def _print_tuned(work_dir: Path) -> None:
    from mmautoloss.found import read_found
    from mmautoloss.found.formats import Options
    from mmautoloss.found.formats.config import write

    if not (work_dir / 'best_losses.json').is_file():
        print('no other numbers were trained to the end; LOSS stays as it is')
        return
    print('the tuned loss, to paste where the fresh seeds above call it better:\n')
    print(write(read_found(work_dir / 'best_losses.json'), Options()), end='')
