"""Making the folder: same bytes everywhere, safe together, safe when killed."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mmautoloss.datasets import SceneSettings, default_root, digit_scenes, ensure_digit_scenes
from mmautoloss.datasets.source import SPLITS, load_pools
from mmautoloss.errors import SetupError


def contents(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob('*') if f.is_file()}


def test_another_process_makes_the_same_bytes(scenes, tmp_path, small):
    code = (
        f'from mmautoloss.datasets import ensure_digit_scenes; ensure_digit_scenes({str(tmp_path / "b")!r}, **{small})'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
    assert contents(tmp_path / 'b') == contents(scenes)


def test_layout(scenes):
    names = set(contents(scenes))
    for split, count in (('train', 12), ('search_val', 4), ('val', 6), ('test', 3)):
        for index in range(1, count + 1):
            names -= {f'{split}/{index:06d}.png', f'labels/{split}/{index:06d}.png'}
        names -= {f'annotations/{split}.json'}
    assert names == {digit_scenes.MARKER}


def test_seed_changes_every_picture_and_the_deal(scenes, tmp_path, small):
    other = contents(ensure_digit_scenes(tmp_path / 'b', **{**small, 'seed': 4}))
    same = [name for name, data in contents(scenes).items() if other[name] == data]
    assert same == []


def test_longer_split_begins_with_the_shorter_one(scenes, tmp_path, small):
    longer = contents(ensure_digit_scenes(tmp_path / 'b', **{**small, 'val': 8}))
    for name, data in contents(scenes).items():
        if name.endswith('.png'):
            assert longer[name] == data


def test_second_call_touches_nothing(scenes, monkeypatch, small):
    monkeypatch.setattr(digit_scenes, 'make', None)
    before = {file: file.stat().st_mtime_ns for file in scenes.rglob('*')}
    assert ensure_digit_scenes(scenes, **small) == scenes
    assert {file: file.stat().st_mtime_ns for file in scenes.rglob('*')} == before


def test_four_processes_at_once(scenes, tmp_path, small):
    context = multiprocessing.get_context('spawn')
    root = str(tmp_path / 'together')
    workers = [context.Process(target=ensure_digit_scenes, args=(root,), kwargs=small) for _ in range(3)]
    for worker in workers:
        worker.start()
    ensure_digit_scenes(root, **small)
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    assert contents(Path(root)) == contents(scenes)
    assert sorted(os.listdir(tmp_path)) == ['.together.lock', 'together']


def test_killed_in_the_middle(scenes, tmp_path, small):
    root = tmp_path / 'killed'
    code = (
        'from mmautoloss.datasets import ensure_digit_scenes; '
        f'ensure_digit_scenes({str(root)!r}, **{ {**small, "train": 100000} })'
    )
    process = subprocess.Popen([sys.executable, '-c', code])
    while not list(tmp_path.glob('.killed.part-*/train/000003.png')):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not root.exists()
    ensure_digit_scenes(root, **small)
    assert contents(root) == contents(scenes)
    assert sorted(os.listdir(tmp_path)) == ['.killed.lock', 'killed']


@pytest.mark.parametrize('lost', ['train/000002.png', 'labels/val', 'annotations/test.json'])
def test_lost_files_are_made_again(scenes, tmp_path, lost, small):
    root = ensure_digit_scenes(tmp_path / 'b', **small)
    path = root / lost
    for file in [path] if path.is_file() else list(path.iterdir()):
        file.unlink()
    ensure_digit_scenes(root, **small)
    assert contents(root) == contents(scenes)


def test_folder_with_other_settings_is_refused(scenes, small):
    with pytest.raises(SetupError, match=r'size=96.*"size": 64.*name another folder'):
        ensure_digit_scenes(scenes, **{**small, 'size': 96})


def test_folder_of_somebody_else_is_left_alone(tmp_path, small):
    (tmp_path / 'annotations').mkdir()
    with pytest.raises(SetupError, match=re.escape(str(tmp_path))):
        ensure_digit_scenes(tmp_path, **small)
    assert os.listdir(tmp_path) == ['annotations']


@pytest.mark.parametrize('wrong', [{'size': 20}, {'val': 0}, {'seed': -1}])
def test_settings_that_make_no_sense(tmp_path, wrong, small):
    name, value = next(iter(wrong.items()))
    with pytest.raises(SetupError, match=f'{name}={value}'):
        ensure_digit_scenes(tmp_path / 'b', **{**small, **wrong})
    assert not (tmp_path / 'b').exists()


def test_default_root(monkeypatch, tmp_path, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    assert default_root().parent == tmp_path
    assert default_root().name == SceneSettings().folder()
    assert ensure_digit_scenes(**small) == tmp_path / SceneSettings(**small).folder()
    monkeypatch.delenv('MMAUTOLOSS_DATA')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    assert default_root().parent == tmp_path / 'cache' / 'mmautoloss'
    monkeypatch.delenv('XDG_CACHE_HOME')
    assert default_root().parent == Path.home() / '.cache' / 'mmautoloss'


def test_pools_cover_all_digits_once():
    pools = load_pools(0)
    rows = sorted(row for split in SPLITS for row in pools[split].sources)
    assert rows == list(range(1797))
    for pool in pools.values():
        assert set(pool.digits) == set(range(10))
        assert pool.strokes.shape == (len(pool.digits), 8, 8)
        assert pool.strokes.min() >= 0 and pool.strokes.max() == 1


def test_package_imports_without_mmdet():
    code = (
        'import sys; sys.modules["mmdet"] = sys.modules["mmengine"] = None; '
        'sys.modules["torch"] = None; import mmautoloss.datasets'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
