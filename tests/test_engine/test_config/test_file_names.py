"""Folders with quotation marks, blanks, signs and other letters in their names: everything works there as elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmautoloss import evaluate
from mmautoloss.__main__ import main
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.config.read import read_config
from mmautoloss.testing.toy_searches import run_toy, write_toy

NAMES = [
    "it's",
    'a"b',
    "'\"'",
    'ä ö 字',
    'br{ace}s',
    '{{ x }}',
    '100%',
    'a$b',
    'back\\slash',
    '#c',
    'line\nbreak',
    'a;b',
    '[x]',
]
ASKING = '''
here = '{{ fileDirname }}/data'
there = "{{fileDirname}}/data"
name = """{{ fileBasename }} {{ fileBasenameNoExtension }} {{ fileExtname }}"""
'''


def asking(folder: Path) -> Path:
    """A search config that names its base by its own place."""
    path = write_toy(folder, {'budget.max_trials': 2, 'seeds': ['mse'], 'report': True})
    text = path.read_text().replace(repr(str(folder / 'toy.py')), "'{{ fileDirname }}/toy.py'")
    assert 'fileDirname' in text
    path.write_text(text)
    return path


@pytest.mark.parametrize('name', NAMES)
def test_a_config_is_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    path = asking(folder)
    (folder / 'base of it.py').write_text(ASKING)
    path.write_text("_base_ = './base of it.py'\n" + path.read_text())
    cfg = load_search_config(str(path), str(folder / 'work'))
    assert (cfg.here, cfg.there) == (f'{folder}/data', f'{folder}/data')
    assert cfg.name == 'base of it.py base of it .py'
    assert spec_of(cfg).base.filename == str(folder / 'toy.py')


def test_mmengine_reads_as_before(tmp_path: Path) -> None:
    before = Config._substitute_predefined_vars
    path = asking(tmp_path)
    assert read_config(path).to_dict() == Config.fromfile(path).to_dict()
    assert Config._substitute_predefined_vars is before


@pytest.mark.slow
def test_everything_that_is_written_there_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "ä" {x} 100% #1'
    work, base = folder / 'work', str(folder / 'toy.py')
    run_toy(load_search_config(str(asking(folder)), str(work)))
    assert (work / 'report.html').is_file()
    applied = folder / 'applied.py'
    commands = [
        ['status', str(work)],
        ['report', str(work)],
        ['replay', str(work), '--last', '2'],
        ['export', str(work), '--format', 'torch', '-o', str(folder / 'losses.py')],
        ['apply', base, str(work), '-o', str(applied)],
        ['evaluate', str(applied), '--max-iters', '1'],
    ]
    for command in commands:
        assert main(command) == 0, command
    assert evaluate(work / 'best_config.py', schedule={'max_iters': 1}).ok
    (folder / 'images.txt').write_text(''.join(f"it's {k}\n" for k in range(9)))
    assert main(['split', str(folder / 'images.txt')]) == 0
