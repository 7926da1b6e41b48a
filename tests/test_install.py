"""What ``make install`` refuses, which packages it would install, the compiler of mmcv's operators, and their values."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.isolation import ROOT

TOOLS = ROOT / 'tools'


def lines_of(name: str) -> dict[str, str]:
    """Lines of a list of packages by name."""
    lines = (ROOT / 'requirements' / name).read_text(encoding='utf-8').splitlines()
    pins = [line for line in lines if line and not line.startswith('#')]
    named = {pin.split('==')[0]: pin for pin in pins}
    assert len(named) == len(pins), f'{name} names a package twice'
    return named


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what the install reads, which it could do no harm to."""
    shutil.copytree(TOOLS, tmp_path / 'tools')
    shutil.copytree(ROOT / 'requirements', tmp_path / 'requirements')
    shutil.copy(ROOT / 'setup.py', tmp_path)
    return tmp_path


def install(project: Path, **env: str) -> str:
    """What an install says that ends before it has changed anything."""
    done = subprocess.run(
        ['bash', 'tools/install.sh'],
        cwd=project,
        env={'PATH': os.environ['PATH'], 'HOME': str(project), 'VENV': 'venv', **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert not list(project.glob('venv/.installed*'))
    return done.stderr


def program(folder: Path, version: str) -> str:
    """A program that says that it is this Python."""
    path = folder / 'python'
    path.write_text(f'#!/bin/bash\necho {version}\n')
    path.chmod(0o755)
    return str(path)


class TestWhatIsRefused:
    def test_a_python_that_the_packages_are_not_for(self, project: Path) -> None:
        told = install(project, PYTHON=program(project, '3.9'))
        assert 'is Python 3.9, but the locked set is for 3.10, 3.11 and 3.12' in told

    def test_a_python_that_is_not_there(self, project: Path) -> None:
        assert 'python_of_nobody does not run' in install(project, PYTHON='python_of_nobody')

    def test_another_cuda(self, project: Path) -> None:
        told = install(project, PYTHON=program(project, '3.12'), CUDA='11')
        assert "CUDA is 12 or 13, not '11'" in told

    def test_a_compiler_that_is_not_there(self, project: Path) -> None:
        told = install(project, PYTHON=program(project, '3.12'), CXX='compiler_of_nobody')
        assert 'there is no C++ compiler compiler_of_nobody' in told


class TestWhatIsKept:
    """A .venv that is there has its Python and CUDA, until others are named; what is said of them shows which."""

    @pytest.fixture
    def project(self, project: Path) -> Path:
        (project / 'venv/bin').mkdir(parents=True)
        (project / 'venv/pyvenv.cfg').write_text('version = 3.12.1\n')
        program(project / 'venv/bin', '3.12')
        return project

    def test_its_python(self, project: Path) -> None:
        told = install(project)
        assert 'the headers of venv/bin/python are missing' in told
        assert 'python3.12-dev' in told

    def test_its_cuda(self, project: Path) -> None:
        (project / 'venv/.cuda').write_text('11\n')
        assert "not '11'" in install(project)
        assert 'the headers of' in install(project, CUDA='12')

    def test_another_python_is_named(self, project: Path) -> None:
        assert 'python3.10-dev' in install(project, PYTHON=program(project, '3.10'))


class TestLists:
    def test_each_cuda_has_a_torch_and_nothing_stands_in_two_lists(self) -> None:
        common = lines_of('locked.txt')
        for name in ('cuda12.txt', 'cuda13.txt'):
            cuda = lines_of(name)
            assert {'torch', 'torchvision', 'triton'} <= set(cuda)
            assert not set(cuda) & set(common)

    def test_what_stands_in_on_an_old_python_is_in_the_set(self) -> None:
        assert set(lines_of('python3.10.txt')) <= {**lines_of('locked.txt'), **lines_of('cuda13.txt')}.keys()

    def test_this_environment_may_have_another_torch_but_the_tested_one_is_named(self) -> None:
        assert re.fullmatch(r'torch==[\d.]+', lines_of('cuda13.txt')['torch'])


@pytest.mark.skipif(not shutil.which('readelf'), reason='needs g++ and binutils')
class TestCompiler:
    SOURCE = 'int {name}() {{ return static_cast<int>(std::vector<int>{{1, 2, 3}}.size()); }}\n'

    @staticmethod
    def start(folder: Path, name: str, *flags: str) -> subprocess.Popen[str]:
        """Compiles a source as ninja has it done."""
        (folder / f'{name}.cpp').write_text(f'#include <vector>\n{TestCompiler.SOURCE.format(name=name)}')
        command = ['-MMD', '-MF', f'{name}.d', *flags, '-c', '-c', f'{name}.cpp', '-o', f'{name}.o', '-std=c++17']
        return subprocess.Popen(
            [str(TOOLS / 'mmcv_compiler.sh'), *command],
            cwd=folder,
            env={**os.environ, 'MMCV_COMPILER': 'g++', 'MMCV_HEADER': str(folder / 'first.hpp')},
            stderr=subprocess.PIPE,
            text=True,
        )

    def test_the_header_is_compiled_once_and_used_where_flags_agree(self, tmp_path: Path) -> None:
        (tmp_path / 'first.hpp').write_text('#include <vector>\n')
        running = [self.start(tmp_path, name, '-O2', '-g', '-Winvalid-pch') for name in ('a', 'b')]
        assert [(process.communicate()[1], process.returncode) for process in running] == [('', 0)] * 2
        compiled = tmp_path / 'first.hpp.gch'
        made = compiled.stat().st_mtime_ns
        other = self.start(tmp_path, 'c', '-O2', '-DNDEBUG', '-fno-exceptions', '-Winvalid-pch')
        warned = other.communicate()[1]
        assert other.returncode == 0, 'what does not fit is left aside'
        assert 'first.hpp.gch: settings for -fexceptions do not match' in warned
        assert compiled.stat().st_mtime_ns == made
        sections = subprocess.run(['readelf', '-S', 'a.o'], cwd=tmp_path, capture_output=True, text=True).stdout
        assert '.text' in sections
        assert '.debug_info' not in sections

    def test_other_calls_go_through(self, tmp_path: Path) -> None:
        env = {**os.environ, 'MMCV_COMPILER': 'g++', 'MMCV_HEADER': str(tmp_path / 'first.hpp')}
        told = subprocess.run(
            [str(TOOLS / 'mmcv_compiler.sh'), '-dumpversion'], env=env, capture_output=True, text=True, check=True
        ).stdout
        assert re.match(r'\d+', told)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('says', 'kind', 'taken'),
    [
        ('g++ Free Software Foundation', 'cpu', True),
        ('clang version 14', 'cpu', False),
        ('Free Software Foundation', 'cuda', False),
    ],
)
def test_only_gcc_builds_with_a_compiled_header_and_only_for_the_cpu(
    tmp_path: Path, says: str, kind: str, taken: bool
) -> None:
    compiler = tmp_path / 'compiler'
    compiler.write_text(f'#!/bin/bash\necho {says}\n')
    compiler.chmod(0o755)
    script = f'. tools/mmcv_wheel.sh; kind={kind}; choose_compiler {tmp_path}; printf "%s\n" "${{compiler[@]}}"'
    done = subprocess.run(
        ['bash', '-euc', script], cwd=ROOT, env={**os.environ, 'CXX': str(compiler)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (f'MMCV_COMPILER={compiler}' in done.stdout.split()) == taken


@pytest.mark.parametrize(('gpus', 'told'), [('8.0', 'sm8.0'), ('7.0;8.0+PTX', 'sm7.0_8.0+PTX')])
def test_operators_for_a_gpu_are_kept_apart_by_compiler_and_gpu(tmp_path: Path, gpus: str, told: str) -> None:
    release = f'{(torch.version.cuda or "12").split(".")[0]}.6'
    done = describe_build(tmp_path, release, gpus)
    assert done.stdout.split() == [torch.__version__, 'cuda', f'nvcc{release}-{told}'], done.stderr


@pytest.mark.skipif(torch.version.cuda is None, reason='a torch for the CPU fits any nvcc')
@pytest.mark.parametrize(
    ('release', 'remedy'), [('11.8', 'name a toolkit'), ('{other}.1', 'make install CUDA={other}')]
)
def test_a_compiler_of_another_cuda_is_refused_before_the_build(tmp_path: Path, release: str, remedy: str) -> None:
    other = '12' if str(torch.version.cuda).startswith('13') else '13'
    done = describe_build(tmp_path, release.format(other=other), '8.0')
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.endswith('in CUDA_HOME\n') and f': {remedy.format(other=other)}' in done.stderr


def describe_build(folder: Path, release: str, gpus: str) -> subprocess.CompletedProcess[str]:
    """What an install says of the build, with an nvcc of this release."""
    nvcc = folder / 'bin/nvcc'
    nvcc.parent.mkdir()
    nvcc.write_text(f'#!/bin/bash\necho "Cuda compilation tools, release {release}, V{release}.20"\n')
    nvcc.chmod(0o755)
    variables = {'FORCE_CUDA': '1', 'CUDA_HOME': str(folder), 'TORCH_CUDA_ARCH_LIST': gpus}
    return subprocess.run(
        ['bash', '-euc', '. tools/mmcv_wheel.sh; describe_build'],
        cwd=ROOT,
        env={**os.environ, 'VENV': sys.prefix, **variables},
        capture_output=True,
        text=True,
    )


class TestOperators:
    """Those of mmcv against torchvision's."""

    @staticmethod
    def boxes(count: int, size: float, seed: int) -> torch.Tensor:
        draw = torch.Generator().manual_seed(seed)
        corner, extent = (
            torch.rand(count, 2, generator=draw) * size,
            torch.rand(count, 2, generator=draw) * size / 3 + 1,
        )
        return torch.cat([corner, corner + extent], dim=1)

    @pytest.mark.parametrize('threshold', [0.1, 0.5, 0.8])
    def test_nms(self, threshold: float) -> None:
        mmcv, torchvision = pytest.importorskip('mmcv.ops'), pytest.importorskip('torchvision.ops')
        boxes, scores = self.boxes(300, 50.0, seed=1), torch.rand(300, generator=torch.Generator().manual_seed(2))
        kept = torchvision.nms(boxes, scores, threshold)
        assert 0 < len(kept) < 300
        assert torch.equal(mmcv.nms(boxes, scores, iou_threshold=threshold)[1], kept)

    @pytest.mark.parametrize('aligned', [True, False])
    @pytest.mark.parametrize('samples', [0, 2])
    def test_roi_align_in_value_and_gradient(self, aligned: bool, samples: int) -> None:
        mmcv, torchvision = pytest.importorskip('mmcv.ops'), pytest.importorskip('torchvision.ops')
        draw = torch.Generator().manual_seed(3)
        features = torch.randn(2, 4, 20, 24, generator=draw, dtype=torch.float64)
        image = torch.arange(30, dtype=torch.float64) % 2
        rois = torch.cat([image[:, None], self.boxes(30, 30.0, seed=4).double()], dim=1)
        weight = torch.randn(30, 4, 7, 7, generator=draw, dtype=torch.float64)
        results = []
        for align in (
            lambda x: mmcv.roi_align(x, rois, (7, 7), 0.5, samples, 'avg', aligned),
            lambda x: torchvision.roi_align(x, rois, (7, 7), 0.5, samples or -1, aligned),
        ):
            x = features.clone().requires_grad_()
            value = align(x)
            (value * weight).sum().backward()
            results.append((value.detach(), x.grad))
        torch.testing.assert_close(results[0], results[1])
