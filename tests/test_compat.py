"""Loading MMEngine's own checkpoints under torch >= 2.6, with and without the mend."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip('mmengine')

from mmengine.logging import HistoryBuffer
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mmautoloss.compat import allow_mmengine_checkpoints
from tests.isolation import empty_allow_list

STRICT = tuple(int(part) for part in torch.__version__.split('.')[:2]) >= (2, 6)
needs_strict_torch = pytest.mark.skipif(not STRICT, reason='torch < 2.6 loads any checkpoint')

LOAD = """
import sys
from mmengine.runner import CheckpointLoader
CheckpointLoader.load_checkpoint(sys.argv[1], map_location='cpu', logger='silent')
"""


class Line(BaseModel):
    """One weight, fitted to zero."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor, mode: str = 'loss') -> dict[str, torch.Tensor]:
        return {'loss': self.layer(x).pow(2).mean()}


def build_runner(folder: Path, iterations: int, resume: bool = False) -> Runner:
    return Runner(
        Line(),
        str(folder),
        train_dataloader={
            'dataset': [{'x': torch.ones(1)}] * 4,
            'batch_size': 1,
            'sampler': {'type': 'InfiniteSampler'},
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg={'type': 'IterBasedTrainLoop', 'max_iters': iterations},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9}},
        param_scheduler=[
            {'type': 'LinearLR', 'start_factor': 0.5, 'by_epoch': False, 'end': 2},
            {'type': 'MultiStepLR', 'milestones': [3], 'by_epoch': False},
        ],
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'by_epoch': False, 'interval': 2}},
        custom_hooks=[{'type': 'EMAHook'}],
        resume=resume,
        experiment_name=f'compat-{iterations}-{resume}',
        log_level='ERROR',
    )


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Runner that trained two iterations and saved."""
    folder = tmp_path_factory.mktemp('trained')
    build_runner(folder, 2).train()
    assert (folder / 'iter_2.pth').exists()
    return folder


@pytest.fixture
def strict() -> Iterator[None]:
    """Whatever another test allowed is forgotten for this one."""
    with empty_allow_list():
        yield


def save(value: object) -> io.BytesIO:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return buffer


@needs_strict_torch
def test_stock_mmengine_refuses_its_own_checkpoint(trained: Path) -> None:
    """Documents why the mend exists; a fork or a later release that loads it needs none."""
    command = [sys.executable, '-c', LOAD, str(trained / 'iter_2.pth')]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode == 0:
        pytest.skip('the installed MMEngine loads its own checkpoints')
    assert 'UnpicklingError' in done.stderr
    assert 'HistoryBuffer was not an allowed global' in done.stderr


@needs_strict_torch
def test_mended_runner_resumes(trained: Path, strict: None) -> None:
    allow_mmengine_checkpoints()
    runner = build_runner(trained, 4, resume=True)
    runner.train()
    assert runner.iter == 4
    history = runner.message_hub.get_scalar('train/loss')
    assert len(history.data[0]) == 4, 'the first two losses come from the checkpoint'
    assert history.statistics('mean') == pytest.approx(np.mean(history.data[0]))
    assert (trained / 'iter_4.pth').exists()


@needs_strict_torch
def test_mend_may_be_called_again(strict: None) -> None:
    allow_mmengine_checkpoints()
    once = set(torch.serialization.get_safe_globals())
    allow_mmengine_checkpoints()
    assert once and set(torch.serialization.get_safe_globals()) == once


@needs_strict_torch
@pytest.mark.parametrize('value', [np.float32(1.5), np.arange(3), np.array([True]), np.int64(2)])
def test_numbers_of_numpy_load(value: object, strict: None) -> None:
    allow_mmengine_checkpoints()
    loaded = torch.load(save(value))
    assert type(loaded) is type(value)
    assert np.array_equal(loaded, value)


@needs_strict_torch
@pytest.mark.parametrize('home', ['numpy.core.multiarray', 'numpy._core.multiarray'])
def test_arrays_of_either_numpy_load(home: str, strict: None) -> None:
    """A checkpoint may have been written under numpy 1 and be read under numpy 2."""
    allow_mmengine_checkpoints()
    here = np.empty(0).__reduce__()[0].__module__
    plain = io.BytesIO()
    torch.save(np.arange(3), plain, _use_new_zipfile_serialization=False)
    moved = plain.getvalue().replace(f'c{here}\n'.encode(), f'c{home}\n'.encode())
    assert np.array_equal(torch.load(io.BytesIO(moved)), np.arange(3))


@needs_strict_torch
def test_other_objects_are_refused_as_before(strict: None) -> None:
    allow_mmengine_checkpoints()
    with pytest.raises(pickle.UnpicklingError, match=r'PosixPath|WindowsPath'):
        torch.load(save(Path('x')))


class Reach:
    """Asks for an attribute of an allowed class when it is loaded."""

    def __init__(self, owner: object, name: str) -> None:
        self.owner, self.name = owner, name

    def __reduce__(self) -> tuple:
        return getattr, (self.owner, self.name)


@needs_strict_torch
@pytest.mark.parametrize(
    ('owner', 'name'),
    [(HistoryBuffer, '__init__'), (HistoryBuffer, 'from_x'), (np.ndarray, 'min')],
)
def test_getattr_reaches_the_statistics_only(owner: object, name: str, strict: None) -> None:
    allow_mmengine_checkpoints()
    assert torch.load(save(Reach(HistoryBuffer, 'mean'))) is HistoryBuffer.mean
    with pytest.raises(pickle.UnpicklingError, match='of HistoryBuffer only'):
        torch.load(save(Reach(owner, name)))
