"""The examples, as a user runs them, on a config that is scaled down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmcv.ops')

from mmautoloss.testing.forked import run_forked
from tests.isolation import ROOT

SMALL = f"""
_base_ = {str(ROOT / 'configs' / 'digits' / 'faster_rcnn.py')!r}
scenes = dict(size=64, train=12, search_val=4, val=6, test=3, seed=3)
train_dataloader = dict(batch_size=2, dataset=dict(scenes=scenes))
val_dataloader = dict(dataset=dict(scenes=scenes))
test_dataloader = dict(dataset=dict(scenes=scenes))
train_cfg = dict(max_iters=2)
"""


def write(folder: Path) -> tuple[str, dict[str, str]]:
    """A small config, and the variables of a program that reads it."""
    (folder / 'small.py').write_text(SMALL)
    places = {'MMAUTOLOSS_DATA': str(folder), 'HOME': str(folder), 'PYTHONPATH': str(ROOT)}
    return str(folder / 'small.py'), {**os.environ, **places, 'OMP_NUM_THREADS': '1'}


def test_optuna_tunes_weights(tmp_path: Path) -> None:
    pytest.importorskip('optuna')
    config, environment = write(tmp_path)
    done = run_forked([str(ROOT / 'examples/optuna_weights.py'), config, '2'], tmp_path, environment)
    assert done.returncode == 0, done.stdout + done.stderr
    score, *weights = done.stdout.split(maxsplit=1)
    assert 0 <= float(score) <= 1 and all(name in weights[0] for name in ('roi_cls', 'roi_box'))


@pytest.mark.slow
def test_ray_tune_trains_each_loss(tmp_path: Path) -> None:
    """One after the other in one process, since each would load the libraries anew."""
    pytest.importorskip('ray.tune', exc_type=ImportError)  # also where its pyarrow does not fit numpy
    config, environment = write(tmp_path)
    # else Ray takes any cluster of this machine, such as that of a test beside this one
    environment |= {'RAY_ADDRESS': 'local', 'RAY_OVERRIDE_RESOURCES': '{"CPU": 1}'}
    command = [sys.executable, str(ROOT / 'examples/ray_tune_losses.py'), config, '1']
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for loss in ('ce', 'focal_softmax', '(p - y) ** 2'):
        row = next(line for line in done.stdout.splitlines() if line.startswith(loss))
        assert row.split()[-1] == '1', 'one training with a score'
