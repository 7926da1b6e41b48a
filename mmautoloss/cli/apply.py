"""``mmautoloss apply``: found losses in another config."""

from __future__ import annotations

import argparse
from pathlib import Path

DESCRIPTION = """\
Writes a config that differs from BASE in its losses only. RESULT is the work dir of a search, its
journal.jsonl or best_losses.json; or losses by hand, such as `decode=dice 'aux=-y * log(p)'`, by
the names that `mmautoloss branches BASE` lists. A found loss goes where it was found, in a cascade
to all stages; --map says otherwise."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('apply', help='put found losses into a config', description=DESCRIPTION)
    parser.add_argument('base', metavar='BASE', help='a plain config of mmdet, mmseg or mmpose')
    parser.add_argument('result', metavar='RESULT', nargs='+', help='a file, a work dir, or NAME=LOSS ...')
    parser.add_argument('-o', '--out', required=True, help='the config that is written')
    parser.add_argument('--trial', type=int, help='number of the trial; the best by default')
    parser.add_argument('--map', nargs='+', default=[], metavar='PLACE=NAME', help='which found loss goes where')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the config and prints what changed."""
    from mmautoloss.engine import build_model, by_hand, load_base, match, read_result, with_losses, write_config
    from mmautoloss.errors import SetupError
    from mmautoloss.proxy import find_losses

    base = load_base(args.base, {})
    places = find_losses(build_model(base))
    if len(args.result) == 1 and '=' not in args.result[0]:
        losses = read_result(Path(args.result[0]), args.trial)
    elif all('=' in entry for entry in args.result) and args.trial is None:
        losses = by_hand(dict(entry.partition('=')[::2] for entry in args.result), places)
    else:
        raise SetupError(
            'RESULT must be one file or work dir, or NAME=LOSS ... without --trial, but got ' + ' '.join(args.result)
        )
    mapping = dict(entry.partition('=')[::2] for entry in args.map)
    branches, genome, weights = match(losses, places, mapping)
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_config(with_losses(base, branches, genome, weights), out)
    for place in places:
        new = f'{genome[place.name]}  (loss_weight {weights[place.name]:.4g})' if place.name in genome else 'as it was'
        print(f'{place.path}: {place.loss} -> {new}')
    print(f'written: {out}')
    return 0
