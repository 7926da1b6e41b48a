"""A source distribution, the wheel that is made of it, and this wheel where nothing else of the project is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest

pytest.importorskip('mmdet')

from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.version import VERSION
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

PARTS = ('mmautoloss', 'configs', 'tools', 'requirements')
FILES = (
    'setup.py',
    'pyproject.toml',
    'MANIFEST.in',
    'README.md',
    'CHANGELOG.md',
    'LICENSE',
    'CITATION.cff',
    'Makefile',
)


def build(kind: str, folder: Path) -> Path:
    """What ``python -m build`` does, with the setuptools that is installed."""
    code = f'import setuptools.build_meta as backend; print(backend.build_{kind}("dist"))'
    (folder / 'dist').mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, '-c', code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / 'dist' / done.stdout.split()[-1]


def clean() -> dict[str, str]:
    """Variables in which no other place of the package is named."""
    return {**{name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}, 'OMP_NUM_THREADS': '1'}


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment in which the wheel is installed, beside the libraries of this one."""
    source, folder = (tmp_path_factory.mktemp(name) for name in ('source', 'installed'))
    for part in PARTS:
        shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns('__pycache__'))
    for name in FILES:
        shutil.copy(ROOT / name, source)
    with tarfile.open(build('sdist', source)) as archive:
        archive.extractall(folder / 'sdist', filter='data')
    (unpacked,) = (folder / 'sdist').iterdir()
    wheel = build('wheel', unpacked)
    assert wheel.name == f'mmautoloss-{VERSION}-py3-none-any.whl'
    environment = folder / 'venv'
    venv.create(environment)
    pip = [sys.executable, '-m', 'pip', '--python', str(environment / 'bin/python')]
    options = ['-q', '--no-deps', '--no-index', '--no-compile', '--disable-pip-version-check']
    subprocess.run([*pip, 'install', *options, str(wheel)], check=True, env=clean())
    # Afterwards, so that pip does not take a package that is installed there for one of the environment.
    (own,) = environment.glob('lib/python*/site-packages')
    (own / 'libraries.pth').write_text(sysconfig.get_path('purelib'))
    return environment


def run(installed: Path, cwd: Path, program: str, *arguments: str) -> str:
    command = [str(installed / 'bin' / program), *arguments]
    done = subprocess.run(command, cwd=cwd, env=clean(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_has_configs_pages_and_cards(installed: Path, tmp_path: Path) -> None:
    where = run(installed, tmp_path, 'python', '-c', 'import mmautoloss; print(mmautoloss.__file__)')
    assert where.startswith(str(installed))
    assert run(installed, tmp_path, 'mmautoloss', '--version').split() == ['mmautoloss', VERSION]
    listed = run(installed, tmp_path, 'mmautoloss', 'config').splitlines()
    assert listed[::2] == sorted(
        str(path.relative_to(ROOT / 'configs'))
        for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    )
    assert all(line.strip() for line in listed[1::2]), 'each says what it is'
    assert 'camvid_bf1_late' in run(installed, tmp_path, 'mmautoloss', 'zoo')
    assert list((Path(where.strip()).parent / 'report/page/templates').iterdir())


def test_a_wheel_reads_its_configs_by_name_and_copies_them(installed: Path, tmp_path: Path) -> None:
    """In one process, whose import of mmdet takes longer than the commands."""
    commands = (
        ['branches', 'configs/digits/mask_rcnn.py'],
        ['config', 'digits/mask_rcnn_search', '-o', 'mine.py'],
        ['branches', 'mine.py'],
    )
    code = f'from mmautoloss.__main__ import main\nfor command in {commands}: print(main(command), flush=True)'
    told = run(installed, tmp_path, 'python', '-c', code).split('\n0\n')
    assert len(told) == 4 and all('roi_head.mask_head.loss_mask' in each for each in (told[0], told[2]))


def test_a_wheel_searches(installed: Path, tmp_path: Path) -> None:
    config = write_toy(
        tmp_path, {'screen.engine': 'plain'}
    )  # a new place of the package would compile the screen anew
    run(installed, tmp_path, 'mmautoloss', 'search', str(config), '--work-dir', 'work')
    assert 'finished' in run(installed, tmp_path, 'mmautoloss', 'status', 'work')
    assert (tmp_path / 'work/best_losses.json').exists()
