"""``mmautoloss evaluate``: one training of a config with given losses."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from mmautoloss.cli.arguments import add_cfg_options, options_of

if TYPE_CHECKING:
    from mmautoloss.engine import Result

DESCRIPTION = """\
Trains the model of CONFIG with given losses, validates it, and prints the result. LOSSES are NAME=LOSS
..., by the names that `mmautoloss branches CONFIG` lists, each with a known loss (ce, focal, dice, ...), a
weighted sum of such (ce + 0.5 * dice) or an expression; or one known loss or sum for all; or the
best_losses.json or work dir of a search, or the name of a card (mmautoloss zoo); none trains the hand-made
losses. Of a search config one training of a candidate is done. No checkpoint is kept: for that, `mmautoloss
apply` and tools/train.py. The exit status is 0, 1 where the training failed, 2 where something cannot work.
The same from Python: mmautoloss.evaluate."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('evaluate', help='train once with given losses and score', description=DESCRIPTION)
    parser.add_argument(
        'config', metavar='CONFIG', help='a config of mmdet, mmseg, mmpose or mmpretrain, or a search config'
    )
    parser.add_argument('losses', metavar='LOSSES', nargs='*', help='NAME=LOSS ..., or a file or work dir')
    parser.add_argument('--seed', type=int, default=0, help='seed of weights and data (0)')
    parser.add_argument('--metric', nargs='+', metavar='KEY', help='the monitored value; of several the mean')
    parser.add_argument('--rule', choices=('greater', 'less'), help='which values of the metric are better')
    schedule = parser.add_mutually_exclusive_group()
    schedule.add_argument('--max-iters', type=int, metavar='N', help='length of the training in iterations')
    schedule.add_argument('--max-epochs', type=int, metavar='N', help='length of the training in epochs')
    parser.add_argument('--weights', nargs='+', default=[], metavar='NAME=W', help='loss_weight of replaced losses')
    parser.add_argument('--balance', action='store_true', help='make their gradients as long as the hand-made ones')
    parser.add_argument('--timeout', type=float, metavar='SECONDS', help='how long it may take')
    parser.add_argument('--work-dir', help="where MMEngine's files are kept; by default nowhere")
    add_cfg_options(parser)
    parser.add_argument('--json', action='store_true', help='the result as a JSON object')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Trains, scores and prints."""
    from mmautoloss.engine import evaluate
    from mmautoloss.key_values import pairs_of

    lengths = {'max_iters': args.max_iters, 'max_epochs': args.max_epochs}
    result = evaluate(
        args.config,
        _losses(args.losses),
        args.seed,
        metric=args.metric,
        rule=args.rule,
        schedule={key: length for key, length in lengths.items() if length is not None},
        weights=pairs_of('--weights', args.weights),
        balance='gradient' if args.balance else 'none',
        options=options_of(args.cfg_options),
        work_dir=args.work_dir,
        timeout=args.timeout,
    )
    print(json.dumps(result.to_json(), indent=2) if args.json else _text(result))
    return 0 if result.ok else 1


def _losses(words: list[str]) -> str | Path | dict[str, str] | None:
    from mmautoloss.key_values import pairs_of
    from mmautoloss.losses import is_by_name

    if len(words) == 1 and '=' not in words[0]:
        return words[0] if is_by_name(words[0]) else Path(words[0])
    return pairs_of('LOSSES', words) or None


def _text(result: Result) -> str:
    lines = [f'{name}: {loss}{_weight(result, name)}' for name, loss in result.losses.items()]
    lines += [f'{name}: has no place in this model' for name in result.left_out]
    lines += [f'{key} {value:.4f}' for key, value in result.metrics.items()]
    if result.ok:
        lines.append(f'score {result.score:.4f} ({result.metric})  seed {result.seed}  {result.seconds:.1f} s')
    else:
        lines.append(f'failed: {result.reason}')
    return '\n'.join(lines)


def _weight(result: Result, name: str) -> str:
    return f'  (loss_weight {result.weights[name]:.4g})' if name in result.weights else ''
