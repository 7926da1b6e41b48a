"""``mmautoloss apply``: found losses in another config."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmautoloss.branches import ModelLoss

DESCRIPTION = """\
Writes a config that differs from BASE in its losses only. RESULT is the work dir of a search, its
journal.jsonl or best_losses.json, or the name of a card (mmautoloss zoo); or losses by hand, such as
`decode=dice 'aux=ce + 0.5 * dice' 'mask=-y * log(p)'`, by the names that `mmautoloss branches BASE` lists. A found loss
goes where it was found, in a cascade to all stages; --map says otherwise."""


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
    from mmautoloss.branches import find_losses
    from mmautoloss.engine import build_model, config_text, load_base, require_buildable, with_losses
    from mmautoloss.errors import SetupError
    from mmautoloss.files import write_output
    from mmautoloss.found import by_hand, match, read_result, unplaced
    from mmautoloss.key_values import pairs_of

    base = load_base(args.base, {})
    if os.path.exists(args.out) and os.path.samefile(args.base, args.out):
        raise SetupError(f'--out must be another file than BASE, but both are {args.base}. Name a new file.')
    places = find_losses(build_model(base))
    if len(args.result) == 1 and '=' not in args.result[0]:
        losses = read_result(Path(args.result[0]), args.trial)
    elif all('=' in entry for entry in args.result) and args.trial is None:
        losses = by_hand(pairs_of('RESULT', args.result), places)
    else:
        raise SetupError(
            'RESULT must be one file or work dir, or NAME=LOSS ... without --trial, but got ' + ' '.join(args.result)
        )
    mapping = pairs_of('--map', args.map)
    branches, genome, weights = match(losses, places, mapping)
    config = with_losses(base, branches, genome, weights)
    require_buildable(config, branches)
    write_output(Path(args.out), config_text(config))
    for place in places:
        new = f'{genome[place.name]}  (loss_weight {weights[place.name]:.4g})' if place.name in genome else 'as it was'
        print(f'{place.path}: {place.loss} -> {new}')
    for place in places:
        if place.name in genome:
            _print_carried(place, weights[place.name])
    for loss in unplaced(losses, places, mapping):
        print(f'{loss.name}: has no place in this model')
    print(f'written: {args.out}')
    return 0


def _print_carried(place: ModelLoss, weight: float) -> None:
    """Prints the settings that a loss takes over from the one that it replaces, and how their magnitudes compare."""
    settings = ', '.join(f'{key}={value!r}' for key, value in place.settings.items())
    if settings:
        print(f'{place.name}: keeps {settings} of {place.loss}')
    if weight != place.weight:  # the weight of a search is balanced
        return
    if place.by_ignored:
        print(
            f'{place.name}: {place.loss} also divides by pixels that are ignored (avg_non_ignore=False), a formula does '
            'not; where there are any, its values are larger by the share that they take'
        )
    if place.channels > 1:
        print(
            f'{place.name}: {place.loss} averages over its {place.channels} channels, a formula sums over them; '
            f'loss_weight {weight / place.channels:.4g} in place of {weight:.4g} makes the same formula as large as before'
        )
