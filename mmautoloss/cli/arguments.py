"""Arguments that several commands have."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from mmautoloss.checks import whole_argument
from mmautoloss.key_values import pairs_of


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Adds ``--cfg-options``, which ``options_of`` reads."""
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='K=V', help='settings to replace in the config'
    )


def add_rows(parser: argparse.ArgumentParser) -> None:
    """Adds what the rows of a comparison are about."""
    parser.add_argument(
        '--metrics',
        nargs='+',
        default=[],
        metavar='KEY',
        help='keys of the validation, such as BF1 mIoU, for a row and a table each, which says if lower is better; '
        "the search's metric by default",
    )
    parser.add_argument(
        '--split',
        help='name of the set that is scored, for the rows; default test, or val where it is the validation set',
    )


def add_scale(parser: argparse.ArgumentParser) -> None:
    """Adds how trainings of a base config use GPUs, how often they are saved, and the estimate of what they take."""
    parser.add_argument(
        '--gpus',
        type=whole_argument(1),
        metavar='N',
        help='GPUs that train a loss together, each with the batch of the config, as dist_train.sh does',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate by the batch of all GPUs over the config's auto_scale_lr.base_batch_size",
    )
    parser.add_argument(
        '--checkpoint-interval',
        type=whole_argument(),
        metavar='N',
        help='epochs (iterations of a training by iterations) after which each training is saved in the work dir, so that '
        "the same command goes on from there; 0 for never; that of the config's CheckpointHook by default",
    )
    parser.add_argument('--dry', action='store_true', help='train a few iterations, estimate time and memory, and end')


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """``--cfg-options`` as MMEngine's own tools read them: lists, numbers, texts."""
    from mmengine.config import DictAction

    pairs_of('--cfg-options', words)
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args(['--cfg-options', *words] if words else []).cfg_options
