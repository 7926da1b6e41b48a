"""Configs of ``apply --switch`` under the libraries' own ``tools/train.py``, also with a resume in the middle."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip('mmcv.ops')
pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
pytest.importorskip('mmpose')

from mmengine.config import Config

from mmautoloss.__main__ import main
from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.testing.forked import run_forked
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

SCENES = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}
LENGTH, SWITCH = 6, 3
SEEDED = """
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class SeededHook(Hook):  # heads draw their samples, and MMEngine does not resume random states
    def before_train_iter(self, runner, batch_idx, data_batch=None):
        torch.manual_seed(runner.iter)
"""
CASES = {
    'mmdet': ('faster_rcnn', ['rpn_box=(p - y) ** 2', 'roi_cls=-y * log(p) * (1 - p)']),
    'mmseg': ('deeplabv3plus', ['decode=dice', 'aux=dice']),
    'mmpose': ('pose', ['heatmap=abs(p - y)']),
}
FRESH = 'mmseg'
"""Its training begins in a new process, where nothing is imported but what the config names; the others are forked."""


def write(folder: Path, name: str, losses: list[str]) -> Path:
    """The config of ``apply --switch`` for a training of a few iterations."""
    path = folder / 'switch.py'
    assert main(['apply', str(ROOT / f'configs/digits/{name}.py'), *losses, '-o', str(path), '--switch', '0.5']) == 0
    cfg = Config.fromfile(path)
    assert cfg.custom_hooks[-1].type == 'mmautoloss.LossSwitchHook'
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.scenes = SCENES
        cfg[f'{split}_dataloader'].batch_size = 2
    cfg.train_cfg.update(max_iters=LENGTH, val_interval=99)
    cfg.default_hooks.checkpoint = {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 1}
    cfg.default_hooks.logger.interval = 1
    cfg.custom_hooks.append({'type': 'SeededHook'})
    imports = list((cfg.get('custom_imports') or {}).get('imports', ()))
    cfg.custom_imports = {'imports': [*imports, 'seeded'], 'allow_failed_imports': False}
    (folder / 'seeded.py').write_text(SEEDED)
    cfg.dump(folder / 'run.py')
    return folder / 'run.py'


def train(library: str, config: Path, work_dir: Path, resume: Path | None = None) -> str:
    """Runs the library's own program; gives what it logs. Once in a process that has imported nothing yet."""
    package = Path(importlib.util.find_spec(library).origin).parent
    command = [str(package / '.mim' / 'tools' / 'train.py'), str(config), '--work-dir', str(work_dir)]
    if resume:
        named = (
            ['--resume', '--cfg-options', f'load_from={resume}'] if library == 'mmseg' else ['--resume', str(resume)]
        )
        command += named
    paths = [str(ROOT), str(config.parent)]
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(paths), 'OMP_NUM_THREADS': '1'}
    if library == FRESH and not resume:
        done = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, check=False)
    else:
        done = run_forked(command, config.parent, environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.mark.parametrize('library', CASES)
def test_trained_and_resumed_by_the_library_itself(
    library: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))
    name, losses = CASES[library]
    config = write(tmp_path, name, losses)
    printed = train(library, config, tmp_path / 'whole')
    assert len(re.findall(f'From iteration {SWITCH + 1} on', printed)) == len(losses)
    lines = [line.partition('loss: ')[2] for line in printed.splitlines() if 'loss: ' in line]
    assert len(lines) == LENGTH
    names = [set(re.findall(r'(\S*loss\S*):', line)) for line in lines]
    assert names[0] and all(found == names[0] for found in names), 'the losses keep their names in logs'
    train(library, config, tmp_path / 'resumed', tmp_path / 'whole' / f'iter_{SWITCH}.pth')
    whole, resumed = (_weights(tmp_path / folder) for folder in ('whole', 'resumed'))
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def _weights(work_dir: Path) -> dict[str, torch.Tensor]:
    allow_mmengine_checkpoints()
    return torch.load(work_dir / f'iter_{LENGTH}.pth')['state_dict']
