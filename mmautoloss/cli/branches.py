"""``mmautoloss branches``: every loss of a model, and whether it can be searched."""

from __future__ import annotations

import argparse

DESCRIPTION = """\
Lists every loss of the model in a config: its name and path, the loss that stands there now, the
kind of input with which it can be searched and what a searched loss keeps of it, such as class
weights, or why it cannot. The names and paths are those of
`branches=` in a search config; `branches='all'` takes all that can be searched."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('branches', help='list the losses of a model', description=DESCRIPTION)
    parser.add_argument('config', help='a config of mmdet, mmseg, mmpose or mmpretrain, or a search config')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Builds the model and prints its losses."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from mmautoloss.branches import find_losses
    from mmautoloss.engine import build_model, read_config

    table = Table(title=args.config, title_justify='left')
    for column in ('name', 'path', 'loss now', 'searched with'):
        table.add_column(column, overflow='fold')
    losses = find_losses(build_model(read_config(args.config)))
    for loss in losses:
        kept = ''.join(f', {key}={value!r}' for key, value in loss.settings.items())
        how = f"inputs='{loss.inputs}'{kept}" if loss.inputs else f'not: {loss.reason}'
        table.add_row(loss.name, loss.path, loss.loss, escape(how))
    Console(highlight=False).print(table if losses else 'This model has no losses of its own.')
    return 0
