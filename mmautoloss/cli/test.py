"""``mmautoloss test``: the scores of a checkpoint."""

from __future__ import annotations

import argparse

from mmautoloss.cli.arguments import add_cfg_options, options_of
from mmautoloss.cli.train import add_launcher

DESCRIPTION = """\
Scores a checkpoint of mmdet, mmseg, mmpose or mmpretrain on the test data of its config. The flags are those of
mmdet's own tools/test.py."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Describes the command's arguments."""
    parser = subparsers.add_parser('test', help='score a checkpoint', description=DESCRIPTION)
    parser.add_argument('config', metavar='CONFIG', help='the config that was trained')
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file or URL of the weights')
    parser.add_argument('--work-dir', help='where the log is written; default work_dirs/CONFIG')
    parser.add_argument('--out', metavar='FILE.pkl', help='file for the predictions')
    parser.add_argument('--show-dir', metavar='DIR', help='folder for pictures of the predictions')
    parser.add_argument('--tta', action='store_true', help="test-time augmentation, the config's tta_model")
    add_launcher(parser)
    add_cfg_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prints every metric."""
    from mmengine.dist import is_main_process
    from mmengine.runner import Runner

    from mmautoloss.compat import allow_mmengine_checkpoints
    from mmautoloss.engine import load_test_config

    cfg = load_test_config(
        args.config,
        args.checkpoint,
        args.work_dir,
        options_of(args.cfg_options),
        out=args.out,
        show_dir=args.show_dir,
        tta=args.tta,
        launcher=args.launcher,
    )
    allow_mmengine_checkpoints()
    metrics = Runner.from_cfg(cfg).test()
    if is_main_process():
        for name, value in metrics.items():
            print(f'{name} {value}')
    return 0
