"""GPUs are named before a search, and those that torch cannot use are said, with the cause."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.cli.doctor.checks import find_cuda
from mmautoloss.errors import SetupError
from mmautoloss.execute import ExecuteSettings, device_lines
from mmautoloss.execute.gpu_checks import describe_gpus, runs_on, unusable_gpus

OLD = 'The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver'


class Machine:
    """A machine with GPUs, as torch and the driver tell of it."""

    def __init__(self, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self._patch, self._folder = patch, folder
        folder.mkdir()
        patch.setattr('mmautoloss.execute.gpu_checks._DRIVER', folder)
        self.has()

    def has(
        self, found: int = 0, seen: int = 0, visible: str | None = None, built: str | None = '12.8', cause: str = ''
    ) -> None:
        for index in range(found):
            (self._folder / f'0000:0{index}:00.0').mkdir()
        cuda = 'torch.cuda.'
        self._patch.setattr(cuda + 'is_available', lambda: seen > 0)
        self._patch.setattr(cuda + 'device_count', lambda: seen)
        self._patch.setattr(cuda + 'get_device_name', lambda index: f'NVIDIA Model {index}')
        self._patch.setattr(cuda + 'get_device_capability', lambda index: (9, 0))
        self._patch.setattr(cuda + 'get_arch_list', lambda: ['sm_80', 'sm_90'])
        self._patch.setattr(cuda + 'init', lambda: _fail(cause))
        self._patch.setattr('torch.version.cuda', built)
        self._patch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
        if visible is not None:
            self._patch.setenv('CUDA_VISIBLE_DEVICES', visible)


def _fail(cause: str) -> None:
    if cause:
        raise RuntimeError(cause)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path / 'gpus')


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        ({}, ''),
        ({'found': 2, 'seen': 2}, ''),
        ({'found': 2, 'seen': 1, 'visible': '1'}, ''),
        ({'found': 2, 'visible': ''}, ''),
        ({'found': 2, 'visible': '-1'}, ''),
        ({'found': 2, 'built': None}, r'This machine has 2 GPU\(s\), but torch .* is built for the CPU: install'),
        (
            {'found': 1, 'cause': OLD},
            r'1 GPU\(s\), but torch, built for CUDA 12.8, cannot use it: .* too old',
        ),
        ({'visible': '0'}, r'CUDA_VISIBLE_DEVICES=0 names a GPU, but there is none\. To train on the CPU, set'),
        ({'found': 2, 'seen': 2, 'visible': '0,1,2'}, r'=0,1,2 names 3 GPUs, but torch sees 2'),
    ],
)
def test_gpus_that_torch_cannot_use(machine: Machine, options: dict, problem: str) -> None:
    machine.has(**options)
    if not problem:
        assert unusable_gpus() == ''
        assert find_cuda()[0] == ('ok' if options.get('seen') else 'note')
        return
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(unusable_gpus())
    assert find_cuda() == ('failed', unusable_gpus())
    if options.get('visible'):
        with pytest.raises(SetupError, match=problem):
            device_lines(ExecuteSettings())
    else:
        assert device_lines(ExecuteSettings()) == ['devices: the CPU', unusable_gpus()]


def test_search_says_which_gpus_it_uses(machine: Machine) -> None:
    assert device_lines(ExecuteSettings(workers=3)) == ['devices: the CPU']
    machine.has(seen=4)
    assert device_lines(ExecuteSettings()) == ['devices: GPU 0; 3 of 4 GPUs stay idle (--workers)']
    two = ExecuteSettings(workers=2, gpus_per_candidate=2)
    assert device_lines(two) == ['devices: worker 0 has GPU 0,1, worker 1 has GPU 2,3']
    machine.has(seen=1, visible='7')
    half = ExecuteSettings(workers=2, gpus_per_candidate=0.5)
    assert device_lines(half) == ['devices: worker 0 has GPU 7, worker 1 has GPU 7']
    with pytest.raises(SetupError, match='2 workers with 1 GPU'):
        device_lines(ExecuteSettings(workers=2))
    assert device_lines(ExecuteSettings(executor='ray', workers=9)) == []
    assert describe_gpus() == ['GPU 0: NVIDIA Model 0']


def test_gpu_for_which_torch_has_no_code(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.has(seen=2)
    monkeypatch.setattr('torch.cuda.get_device_capability', lambda index: (9, 0) if index == 0 else (6, 1))
    with pytest.raises(
        SetupError, match=r'GPU 1, NVIDIA Model 1, has compute capability 6\.1, .* only for sm_80, sm_90'
    ):
        describe_gpus()
    assert find_cuda()[0] == 'failed' and 'compute capability 6.1' in find_cuda()[1]


@pytest.mark.parametrize(
    ('capability', 'architectures', 'runs'),
    [
        ((8, 0), ['sm_80'], True),
        ((8, 9), ['sm_80', 'sm_90'], True),
        ((8, 0), ['sm_86'], False),
        ((7, 0), ['sm_75', 'sm_80'], False),
        ((12, 0), ['sm_90', 'compute_90'], True),
        ((12, 0), ['sm_90'], False),
        ((9, 0), ['sm_90a'], True),
        ((12, 1), ['sm_120a'], False),
        ((12, 1), ['sm_120'], True),
        ((9, 0), ['gfx90a'], True),
        ((9, 0), [], True),
    ],
)
def test_code_for_a_gpu(capability: tuple[int, int], architectures: list[str], runs: bool) -> None:
    assert runs_on(capability, architectures) is runs
