"""A source distribution, the wheel that is made of it, and this wheel where nothing of the project is beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytest.importorskip('mmdet')

from mmautoloss.version import VERSION
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

PARTS = ('mmautoloss', 'configs', 'tools', 'requirements')
COMMANDS = """
import json, sys
from mmautoloss.__main__ import main
for command in json.loads(sys.argv[1]):
    assert main(command) == 0, command
    print(end='\\f', flush=True)
print(sys.modules['mmautoloss'].__file__)
"""
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


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the wheel is unpacked."""
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
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / 'site')
    return folder / 'site'


def run(installed: Path, cwd: Path, *arguments: str) -> str:
    env = {**os.environ, 'PYTHONPATH': str(installed), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_commands(installed: Path, cwd: Path, *commands: str) -> list[str]:
    """What each command prints; they share a process, whose imports take longer."""
    return run(installed, cwd, '-c', COMMANDS, json.dumps([command.split() for command in commands])).split('\f')


def test_a_wheel_has_configs_and_pages(installed: Path, tmp_path: Path) -> None:
    listed = run(installed, tmp_path, '-m', 'mmautoloss', 'config').splitlines()
    assert listed[::2] == sorted(
        str(path.relative_to(ROOT / 'configs'))
        for path in (ROOT / 'configs').rglob('*.py')
        if '_base_' not in path.parts
    )
    assert all(line.strip() for line in listed[1::2]), 'each says what it is'
    assert list((installed / 'mmautoloss/report/page/templates').iterdir())


def test_a_wheel_has_cards_reads_its_configs_by_name_and_copies_them(installed: Path, tmp_path: Path) -> None:
    zoo, named, _, copied, where = run_commands(
        installed,
        tmp_path,
        'zoo',
        'branches configs/digits/mask_rcnn.py',
        'config digits/mask_rcnn_search -o mine.py',
        'branches mine.py',
    )
    assert 'camvid_bf1_late' in zoo
    assert 'roi_head.mask_head.loss_mask' in named and 'roi_head.mask_head.loss_mask' in copied
    assert where.strip().startswith(str(installed))
