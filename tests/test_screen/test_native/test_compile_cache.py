"""Compiling once a machine, in a process of its own: the first process judges as all later ones do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('numba')

from mmautoloss.screen.native import compile_cache
from tests.isolation import ROOT

JUDGE = """
import random, torch
from mmautoloss.expr import mutate, parse
from mmautoloss.screen import FastScreen, Probe, RejectionTest, Sample
from mmautoloss.screen.native import activations, descent, metrics, operators, pools
generator = torch.Generator().manual_seed(0)
samples = []
for _ in range(3):
    corner = 50 * torch.randn(24, 2, generator=generator).abs()
    target = torch.cat([corner, corner + 20 + 10 * torch.randn(24, 2, generator=generator).abs()], dim=1)
    samples.append(Sample(target + 5 * torch.randn(24, 4, generator=generator), target, torch.ones(24), 24.0))
probe = Probe('area', 'area_iou', tuple(samples), {})
screen = FastScreen(probe, RejectionTest(steps=30, lr=1, eta=0.5), None)
rng, tree = random.Random(4), parse('1 - i / u + (e - u) / e', inputs=probe.kind.names)
for _ in range(40):
    verdict = screen.judge(mutate(tree, rng, probe.kind.names, 40)[0])
    print(verdict.reason, repr(verdict.gain), verdict.signature)
for module in (activations, descent, operators, pools, metrics):
    for name, function in vars(module).items():
        assert not any(getattr(function, 'stats', ((), {}, {}))[2].values()), f'{name} was compiled here'
"""


def judge(cache: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-c', JUDGE],
        cwd=ROOT,
        env={**os.environ, 'XDG_CACHE_HOME': str(cache), 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )


@pytest.mark.slow
def test_first_process_judges_as_later_ones_do(tmp_path: Path) -> None:
    first, later = judge(tmp_path), judge(tmp_path)
    assert first.stdout == later.stdout
    lines = first.stdout.splitlines()
    assert len(lines) == 40 and len(set(lines)) > 10 and any(line.startswith('accepted') for line in lines)
    assert first.stderr.count('compiling the screen, once a machine') == 1
    assert 'compiling' not in later.stderr and 'cannot be kept' not in first.stderr + later.stderr


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for compiled code."""
    folder = tmp_path / 'native-this'
    folder.mkdir()
    monkeypatch.setattr(compile_cache, 'cache_folder', lambda: folder)
    monkeypatch.setattr(compile_cache, 'is_kept', lambda: True)
    compile_cache.ensure_compiled.cache_clear()
    yield folder
    compile_cache.ensure_compiled.cache_clear()


def test_code_that_nothing_uses_any_more_is_deleted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_cache, 'WORK', '')
    now = time.time()
    for name, age in (
        ('native-old', 2 * compile_cache.UNUSED),
        ('native-used', 60.0),
        ('wheels', 2 * compile_cache.UNUSED),
    ):
        place = folder.with_name(name) / 'inner'
        place.mkdir(parents=True)
        (place / 'code.nbc').touch()
        for path in (place / 'code.nbc', place, place.parent):
            os.utime(path, (now - age, now - age))
    compile_cache.ensure_compiled()
    assert {path.name for path in folder.parent.iterdir()} == {'native-this', 'native-used', 'wheels'}
    (mark,) = folder.glob('compiled-*')
    os.utime(mark, (0, 0))
    compile_cache.ensure_compiled.cache_clear()
    monkeypatch.setattr(compile_cache, '_compile', lambda: pytest.fail('compiled twice'))
    compile_cache.ensure_compiled()
    assert mark.stat().st_mtime > now - 60, 'a use is noted'


def test_process_that_fails_is_told_and_this_one_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_cache, 'WORK', 'raise SystemError("no compiler here")')
    with pytest.warns(UserWarning, match=r'so this one compiles it(.|\n)*no compiler here'):
        compile_cache.ensure_compiled()
    assert not list(folder.glob('compiled-*')), 'the next process tries again'
