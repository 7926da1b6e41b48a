"""``mmautoloss apply``: found losses in another config."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmautoloss.branches import Branch, ModelLoss
    from mmautoloss.expr import Genome
    from mmautoloss.found import NamedLoss

DESCRIPTION = """\
Writes a config that differs from BASE in its losses only. RESULT is the work dir of a search, its
journal.jsonl or best_losses.json, or the name of a card (mmautoloss zoo); or losses by hand, such as
`decode=dice 'aux=ce + 0.5 * dice' 'mask=-y * log(p)'`, by the names that `mmautoloss branches BASE`
lists. A found loss goes where it was found, in a cascade to all stages; --map says otherwise. With --switch 0.9 the
losses of BASE stay for the first nine tenths of the training, and a hook exchanges them for the rest."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('apply', help='put found losses into a config', description=DESCRIPTION)
    parser.add_argument('base', metavar='BASE', help='a plain config of mmdet, mmseg, mmpose or mmpretrain')
    parser.add_argument('result', metavar='RESULT', nargs='+', help='a file, a work dir, or NAME=LOSS ...')
    parser.add_argument('-o', '--out', required=True, help='the config that is written')
    parser.add_argument('--trial', type=int, help='number of the trial; the best by default')
    parser.add_argument('--map', nargs='+', default=[], metavar='PLACE=NAME', help='which found loss goes where')
    parser.add_argument(
        '--switch',
        type=float,
        metavar='AT',
        help='put the losses in only from this share of the training on, such as 0.9',
    )
    parser.add_argument(
        '--hold',
        action='store_true',
        help='hold the learning rate after its warm-up until --switch; then it falls to 0',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Writes the config and prints what changed."""
    from mmautoloss.branches import find_losses
    from mmautoloss.engine import build_model, config_text, load_base
    from mmautoloss.errors import SetupError
    from mmautoloss.files import write_output
    from mmautoloss.found import match, unplaced
    from mmautoloss.key_values import pairs_of

    base = load_base(args.base, {})
    if os.path.exists(args.out) and os.path.samefile(args.base, args.out):
        raise SetupError(f'--out must be another file than BASE, but both are {args.base}. Name a new file.')
    if args.hold and args.switch is None:
        raise SetupError('--hold holds the learning rate until the losses change: name the share with --switch, too.')
    places = find_losses(build_model(base))
    losses = _read(args, places)
    mapping = pairs_of('--map', args.map)
    branches, genome, weights = match(losses, places, mapping)
    config = _changed(base, branches, genome, weights, args)
    write_output(Path(args.out), config_text(config))
    for place in places:
        new = f'{genome[place.name]}  (loss_weight {weights[place.name]:.4g})' if place.name in genome else 'as it was'
        print(f'{place.path}: {place.loss} -> {new}')
    for place in places:
        if place.name in genome:
            _print_carried(place, weights[place.name])
    for loss in unplaced(losses, places, mapping):
        print(f'{loss.name}: has no place in this model')
    if args.switch is not None:
        _print_switch(config, args)
    print(f'written: {args.out}')
    return 0


def _read(args: argparse.Namespace, places: Sequence[ModelLoss]) -> tuple[NamedLoss, ...]:
    """The losses of a file, or those that the user writes."""
    from mmautoloss.errors import SetupError
    from mmautoloss.found import by_hand, read_result
    from mmautoloss.key_values import pairs_of

    if len(args.result) == 1 and '=' not in args.result[0]:
        return read_result(Path(args.result[0]), args.trial)
    if all('=' in entry for entry in args.result) and args.trial is None:
        return by_hand(pairs_of('RESULT', args.result), places)
    raise SetupError(
        'RESULT must be one file or work dir, or NAME=LOSS ... without --trial, but got ' + ' '.join(args.result)
    )


def _changed(
    base: Config,
    branches: tuple[Branch, ...],
    genome: Genome,
    weights: Mapping[str, float],
    args: argparse.Namespace,
) -> Config:
    """The config with the losses in its model, or in the hook that exchanges them."""
    from mmautoloss.engine import require_buildable, with_late_losses, with_losses

    if args.switch is not None:
        return with_late_losses(base, branches, genome, weights, args.switch, args.hold)
    config = with_losses(base, branches, genome, weights)
    require_buildable(config, branches)
    return config


def _print_switch(config: Config, args: argparse.Namespace) -> None:
    """Prints when the losses change."""
    from mmautoloss.engine import read_length

    length = read_length(config.train_cfg)
    unit = 'epochs' if length.by_epoch else 'iterations'
    rate = '; the learning rate is held until then, and falls to 0' if args.hold else ''
    print(f'the losses change after {length.step(args.switch)} of {length.steps} {unit}{rate}')


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
