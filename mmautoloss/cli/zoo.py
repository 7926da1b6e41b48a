"""``mmautoloss zoo``: the losses that have a name, and the cards of those that searches found."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from mmautoloss.losses import Card

DESCRIPTION = """\
Lists the losses that have a name here: hand-made ones, which stand for an expression wherever one is expected
(seeds of a search, evaluate, apply, export, compare), also in weighted sums (ce + 0.5 * dice), and found
ones. These have a card, which `mmautoloss zoo NAME` shows: where they were found, what they beat on images
that the search has not seen, by how much, and where they fail. `mmautoloss apply BASE NAME -o OUT` puts them
into a config; NAME.BRANCH is the loss of one branch."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('zoo', help='list known and found losses, or show a card', description=DESCRIPTION)
    parser.add_argument('name', metavar='NAME', nargs='?', help='a card, or a loss')
    parser.add_argument('--json', action='store_true', help='everything as a JSON object')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints the list, or one entry."""
    from dataclasses import asdict

    from rich.console import Console

    from mmautoloss.checks import nearest
    from mmautoloss.errors import SetupError
    from mmautoloss.losses import ZOO, cards, is_known

    if args.name is not None and is_known(args.name) and args.name not in ZOO:
        args.name = args.name.partition('.')[0]  # the card shows the loss of each branch
    if args.name is not None and args.name not in ZOO and args.name not in cards():
        names = [*ZOO, *cards()]
        raise SetupError(f'There is no loss {args.name!r}{nearest(args.name, names)}; there are {", ".join(names)}.')
    chosen = [args.name] if args.name else [*ZOO, *cards()]
    if args.json:
        known = {name: ZOO[name]._asdict() for name in chosen if name in ZOO}
        found = {name: asdict(cards()[name]) for name in chosen if name in cards()}
        print(json.dumps({**known, **found}, indent=2))
        return 0
    console = Console(highlight=False, markup=False, emoji=False)
    if args.name in cards():
        _print_card(cards()[args.name], console)
    else:
        _print_known(chosen, console)
        if not args.name:
            _print_found(console)
    return 0


def _print_known(names: list[str], console: Console) -> None:
    from mmautoloss.losses import ZOO

    for name in names:
        if name in ZOO:
            console.print(name, style='bold', end='')
            console.print(f'  for {", ".join(ZOO[name].inputs)}: {ZOO[name].source}')
            console.print(f'  {ZOO[name].expression}', soft_wrap=True, style='dim')


def _print_found(console: Console) -> None:
    from mmautoloss.losses import cards

    for card in cards().values():
        console.print(card.name, style='bold', end='')
        console.print(f'  {card.summary}; found, see `mmautoloss zoo {card.name}`')


def _print_card(card: Card, console: Console) -> None:
    console.print(f'{card.name}: {card.summary}', style='bold')
    for loss in card.losses:
        console.print(f'  {loss["name"]} ({loss["path"]}, {loss["inputs"]}, loss_weight {loss["weight"]:.4g})')
        console.print(f'    {loss["expression"]}', soft_wrap=True)
    console.print(f'Found as trial {card.origin["trial"]}, seed {card.origin["seed"]}, in {card.journal} by')
    console.print(f'  {card.command}', soft_wrap=True)
    heading = None
    console.print('Measured on images that the search has not seen, mean, difference and its 95 % interval:')
    for row in card.measured:
        begin = '' if row.begin == 'scratch' else f' ({row.begin})'
        setting = f'{row.network}, {row.metric} on {row.set}, {row.iterations} iterations{begin}, {row.seeds} seeds'
        if setting != heading:
            console.print(f'  {setting}')
        console.print(f'    {row}', soft_wrap=True, style={'better': 'green', 'worse': 'red'}.get(row.word))
        heading = setting
    for note in card.notes:
        console.print(f'Note: {note}')
