"""Trains the model of a config of mmdet, mmseg, mmpose or mmpretrain, with hand-made or found losses."""

from __future__ import annotations

import argparse
import sys
import warnings

# MMEngine causes this warning in every process
warnings.filterwarnings('ignore', message='pkg_resources is deprecated')

from mmengine.config import DictAction  # noqa: E402
from mmengine.runner import Runner  # noqa: E402

from mmautoloss.checks import MAX_SEED, whole_argument  # noqa: E402
from mmautoloss.compat import allow_mmengine_checkpoints  # noqa: E402
from mmautoloss.engine import LAUNCHERS, load_train_config  # noqa: E402
from mmautoloss.errors import MMAutoLossError  # noqa: E402


def main() -> int:
    args = parse_args()
    try:
        cfg = load_train_config(
            args.config,
            args.work_dir,
            args.cfg_options,
            resume=args.resume,
            amp=args.amp,
            seed=args.seed,
            launcher=args.launcher,
        )
        allow_mmengine_checkpoints()  # needed by --resume
        Runner.from_cfg(cfg).train()
    except MMAutoLossError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'stopped; with --resume the last checkpoint goes on ({cfg.work_dir})', file=sys.stderr)
        return 130
    return 0


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='plain config, such as configs/digits/mask_rcnn.py or a best_config.py')
    parser.add_argument('--work-dir', help='where logs and checkpoints are written; default work_dirs/CONFIG')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without its name from the newest one in the work dir',
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision (not on the CPU)')
    parser.add_argument('--seed', type=whole_argument(0, MAX_SEED), help='seed of weights and data')
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
