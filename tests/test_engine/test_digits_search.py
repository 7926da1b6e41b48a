"""A search of the small Faster R-CNN from the command line, and its result trained by mmdet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from mmengine.config import Config

from mmautoloss.trial import Role, State, read_history
from tests.isolation import ROOT
from tests.test_engine.test_config.test_losses import differences

pytestmark = pytest.mark.slow

SMALL = (
    'train_dataloader.batch_size=2',
    'val_dataloader.dataset.indices=8',
    'train_cfg.proxy.schedule.max_iters=20',
    'train_cfg.screen.samples=2',
    'train_cfg.screen.steps=24',
    'train_cfg.screen.lr=0.5',
    'train_cfg.screen.eta=0.2',
    'train_cfg.strategy.initial=1',
    'train_cfg.strategy.fresh_rate=0.0',
    'train_cfg.strategy.vary=one',
    'train_cfg.budget.baseline_repeats=0',
    'train_cfg.budget.finalists=1',
    'train_cfg.budget.finalist_repeats=0',
    'train_cfg.budget.confirm_seeds=0',
)

# what mmdet's tools/train.py does: config, options, work dir, Runner
TRAIN = """
import sys
from mmengine.config import Config
from mmengine.runner import Runner
cfg = Config.fromfile(sys.argv[1])
cfg.work_dir = sys.argv[2]
cfg.merge_from_dict({'train_cfg.max_iters': 2, 'train_cfg.val_interval': 100,
                     'train_dataloader.batch_size': 2})
runner = Runner.from_cfg(cfg)
runner.train()
model = runner.model
for head in (model.rpn_head, model.roi_head.bbox_head):
    print(head.loss_cls.expression, '#', head.loss_bbox.expression)
print('iterations', runner.iter)
"""


def run(*command: str) -> str:
    """Runs Python from the root of the project; gives what it prints."""
    path = os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, 'PYTHONPATH': path},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_search_and_training_of_its_result(tmp_path: Path) -> None:
    config, work = 'configs/digits/faster_rcnn_short_search.py', tmp_path / 'work'
    options = ['--work-dir', str(work), '--max-trials', '1', '--workers', '1']
    text = run('tools/search.py', config, *options, '--cfg-options', *SMALL)
    _, history = read_history(work / 'journal.jsonl')
    assert history[0].role is Role.BASELINE and history.running() == []
    assert [t.state for t in history.of_role(Role.SEARCH)].count(State.EQUIVALENT) < len(history)
    assert 'hand-made losses' in text
    best = history.ranking(1)[0]

    base = Config.fromfile(ROOT / 'configs/digits/faster_rcnn.py')
    base.merge_from_dict({'train_dataloader.batch_size': 2, 'val_dataloader.dataset.indices': 8})
    found = Config.fromfile(work / 'best_config.py')
    assert differences(base.to_dict(), found.to_dict()) == [
        'model.roi_head.bbox_head.loss_bbox',
        'model.roi_head.bbox_head.loss_cls',
        'model.rpn_head.loss_bbox',
        'model.rpn_head.loss_cls',
    ]

    lines = run('-c', TRAIN, str(work / 'best_config.py'), str(tmp_path / 'train')).splitlines()
    texts = best.genome.to_text()
    assert f'{texts["rpn_cls"]} # {texts["rpn_box"]}' in lines
    assert f'{texts["roi_cls"]} # {texts["roi_box"]}' in lines
    assert 'iterations 2' in lines
