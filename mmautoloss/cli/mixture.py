"""``mmautoloss mixture``: what the controllers of a training have learned, and the expression to paste in their place."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmautoloss.losses import LossMixture

DESCRIPTION = """\
Shows the weights that the controllers of a training (LossMixture, MixtureHook) give to its losses, by prediction and
label, and writes one expression for each branch, a line to paste in place of the mixture. CHECKPOINT is one that
MMEngine has written in such a training; it is read as data, and nothing in it is run."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser(
        'mixture',
        help='show the weights that a mixture of losses has learned, and one loss in its place',
        description=DESCRIPTION,
    )
    parser.add_argument('checkpoint', metavar='CHECKPOINT', type=Path, help='a checkpoint such as iter_400.pth')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints weights and expressions."""
    for path, (mixture, examples) in _read(args.checkpoint).items():
        _print_mixture(path, mixture, examples)
    return 0


def _read(path: Path) -> dict[str, tuple[LossMixture, Any]]:
    """The mixtures of a checkpoint by path, with examples."""
    import pickle

    import torch

    from mmautoloss.compat import allow_mmengine_checkpoints
    from mmautoloss.errors import SetupError
    from mmautoloss.losses import LossMixture

    allow_mmengine_checkpoints()
    try:
        checkpoint = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise SetupError(f'{path} cannot be read as a checkpoint without running code from it: {error}') from None
    known = checkpoint.get('mixtures') if isinstance(checkpoint, Mapping) else None
    if not known:
        raise SetupError(f'{path} has no mixture: it must be a checkpoint of a training with MixtureHook.')
    found = {}
    for name, entry in known.items():
        mixture = LossMixture(**entry['settings'])
        weights = checkpoint['state_dict'].items()
        own = {key.removeprefix(f'{name}.'): value for key, value in weights if key.startswith(f'{name}.')}
        mixture.load_state_dict(own)
        found[name] = mixture, entry['examples']
    return found


def _print_mixture(path: str, mixture: LossMixture, examples: Any) -> None:
    from mmautoloss.losses import groups_of, one_expression

    controller: Any = mixture.controller
    print(f'{path} (inputs {mixture.kind.name}), weights of each {controller.per}:')
    names = [f'w{number}' for number in range(1, len(mixture.trees) + 1)]
    for name, factor, tree in zip(names, mixture.scales.factors(), mixture.trees, strict=True):
        print(f'  {name} of {factor:.4g} * ({tree})')
    if examples is None:
        if controller.per == 'example':
            print('  The checkpoint has no examples, since no step of the controller was before it; take a later one.')
            return
        examples = ((), ())
    for group in groups_of(mixture, examples):
        shares = ', '.join(f'{name} {weight:.3f}' for name, weight in zip(names, group.weights, strict=True))
        print(f'  {group.words}: {shares}' + f' ({group.size} examples)' * (controller.per == 'example'))
    found = one_expression(mixture, examples)
    if found.unexplained:
        print(f'  One expression has {100 * (1 - found.unexplained):.1f} % of the squared gradient; to paste:')
    else:
        print('  One expression, to paste:')
    settings = ''.join(f', {key}={value!r}' for key, value in _settings(mixture).items())
    print(f"    dict(type='mmautoloss.SearchedLoss', expression='{found.text}'{settings})")


def _settings(mixture: LossMixture) -> dict[str, Any]:
    """The settings of a mixture that are no defaults, of the loss in its place."""
    import inspect

    from mmautoloss.losses import LossMixture, SearchedLoss

    defaults = {
        key: argument.default
        for loss in (SearchedLoss, LossMixture)
        for key, argument in inspect.signature(loss).parameters.items()
    }
    kept = {key: value for key, value in mixture.settings.items() if value != defaults[key]}
    return {'inputs': mixture.kind.name, **{key: value for key, value in kept.items() if key != 'inputs'}}
