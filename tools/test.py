"""Scores a checkpoint of mmdet, mmseg, mmpose or mmpretrain on the test data of its config."""

from __future__ import annotations

import argparse
import sys
import warnings

# MMEngine causes this warning in every process
warnings.filterwarnings('ignore', message='pkg_resources is deprecated')

from mmengine.config import DictAction  # noqa: E402
from mmengine.dist import is_main_process  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

from mmautoloss.compat import allow_mmengine_checkpoints  # noqa: E402
from mmautoloss.engine import LAUNCHERS, load_test_config  # noqa: E402
from mmautoloss.errors import MMAutoLossError  # noqa: E402


def main() -> int:
    args = parse_args()
    try:
        cfg = load_test_config(
            args.config, args.checkpoint, args.work_dir, args.cfg_options, out=args.out, launcher=args.launcher
        )
        allow_mmengine_checkpoints()
        metrics = Runner.from_cfg(cfg).test()
    except MMAutoLossError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    if is_main_process():
        for name, value in metrics.items():
            print(f'{name} {value}')
    return 0


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the config that was trained')
    parser.add_argument('checkpoint', help='file or URL of the weights')
    parser.add_argument('--work-dir', help='where the log is written; default work_dirs/CONFIG')
    parser.add_argument('--out', metavar='FILE.pkl', help='file for the predictions')
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='pytorch under torchrun')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='K=V',
        help='settings to replace in the config',
    )
    return parser.parse_args()


if __name__ == '__main__':
    sys.exit(main())
