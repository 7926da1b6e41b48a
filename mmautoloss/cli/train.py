"""``mmautoloss train``: a plain training, of hand-made or found losses."""

from __future__ import annotations

import argparse
import sys

from mmautoloss.checks import MAX_SEED, whole_argument
from mmautoloss.cli.arguments import add_cfg_options, options_of

DESCRIPTION = """\
Trains the model of CONFIG, a config of mmdet, mmseg, mmpose or mmpretrain, with hand-made or found losses, such as
the best_config.py of a search. The flags are those of mmdet's own tools/train.py."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser(
        'train', help='train a model with the losses of its config', description=DESCRIPTION
    )
    parser.add_argument(
        'config', metavar='CONFIG', help='plain config, such as configs/digits/mask_rcnn.py or a best_config.py'
    )
    parser.add_argument('--work-dir', help='where logs and checkpoints are written; default work_dirs/CONFIG')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without its name from the newest one in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision (not on the CPU)')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate by the batch of all GPUs over the config's auto_scale_lr.base_batch_size",
    )
    parser.add_argument('--seed', type=whole_argument(0, MAX_SEED), help='seed of weights and data')
    add_launcher(parser)
    add_cfg_options(parser)
    parser.set_defaults(run=run)


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Adds the options by which the processes of a training find each other."""
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='pytorch under torchrun, slurm under srun, mpi under mpirun',
    )
    # torch.distributed.launch passes it; MMEngine reads the environment
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Trains to the end, or until it is stopped."""
    from mmengine.runner import Runner

    from mmautoloss.compat import allow_mmengine_checkpoints
    from mmautoloss.engine import load_train_config

    cfg = load_train_config(
        args.config,
        args.work_dir,
        options_of(args.cfg_options),
        resume=args.resume,
        amp=args.amp,
        scale_lr=args.auto_scale_lr,
        seed=args.seed,
        launcher=args.launcher,
    )
    try:
        allow_mmengine_checkpoints()  # needed by --resume
        Runner.from_cfg(cfg).train()
    except KeyboardInterrupt:
        print(f'stopped; with --resume the last checkpoint goes on ({cfg.work_dir})', file=sys.stderr)
        return 130
    return 0
