"""``mmautoloss config``, and shipped configs by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmdet')

from mmautoloss.__main__ import main
from mmautoloss.engine import load_search_config, read_config, spec_of
from mmautoloss.engine.config.shipped import local_or_shipped, nearest_config, shipped_configs
from mmautoloss.proxy import plain_config
from tests.isolation import ROOT

SEARCHES = ['digits/mask_rcnn_search.py', 'digits/faster_rcnn_lazy_search.py', 'fashion/resnet_two_noises_search.py']


def test_lists_all_with_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['config']) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'digits/faster_rcnn_search.py' in lines[::2] and not any('_base_' in line for line in lines[::2])
    assert lines[::2] == list(shipped_configs())


@pytest.mark.parametrize('name', SEARCHES)
def test_a_copy_is_the_same_search(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(['config', name.removesuffix('.py'), '-o', 'mine.py']) == 0
    assert capsys.readouterr().out == 'mine.py\n'
    mine, shipped = (plain_config(read_config(path)) for path in ('mine.py', ROOT / 'configs' / name))
    searches = [settings['train_cfg'] for settings in (mine, shipped)]
    mine_files, _ = ([each.pop('base_config'), *(each.pop('tasks', None) or {}).values()] for each in searches)
    assert all(file.startswith('configs/') and (ROOT / file).is_file() for file in mine_files)
    assert mine == shipped
    assert list(mine['train_cfg']['branches']) == list(shipped['train_cfg']['branches']), (
        'proposals depend on their order'
    )


def test_a_copy_is_read_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(['config', 'digits/mask_rcnn_search', '-o', 'mine.py']) == 0
    specs = [spec_of(load_search_config(path, 'work')) for path in ('mine.py', 'configs/digits/mask_rcnn_search.py')]
    assert specs[0].header == specs[1].header


def test_files_here_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = Path('configs/digits/mask_rcnn.py')
    assert local_or_shipped(name) == ROOT / name
    name.parent.mkdir(parents=True)
    name.touch()
    assert local_or_shipped(name) == name
    assert local_or_shipped('digits/mask_rcnn.py') == Path('digits/mask_rcnn.py'), 'only what looks like one of ours'


def test_nearest_config_is_shipped_or_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert nearest_config('configs/digit/pose_serch.py') == ' (did you mean configs/digits/pose_search.py?)'
    assert nearest_config('my_modle.py') == nearest_config('xyz.py') == ''
    Path('my_model.py').touch()
    assert nearest_config('my_modle.py') == ' (did you mean my_model.py?)'
    assert nearest_config(Path('no/folder/my_modle.py')) == ''


@pytest.mark.parametrize(
    ('args', 'text'),
    [
        (['digits/mask'], "There is no shipped config 'digits/mask'; similar are digits/mask_rcnn.py"),
        ([''], "There is no shipped config ''; `mmautoloss config` lists all"),
        (['.'], "There is no shipped config '.'"),
        (['../setup'], "There is no shipped config '../setup'"),
        (['/proc/self/mine'], "There is no shipped config '/proc/self/mine'"),
        (['digits/pose', '-o', 'there.py/pose.py'], 'but there.py/pose.py is not'),
        (['digits/mask_rcn_serch'], 'lists all (did you mean configs/digits/mask_rcnn_search.py?).'),
        (['nothing'], '`mmautoloss config` lists all'),
        (['digits/pose', '-o', 'there.py'], 'there.py is there already'),
        (['digits/pose', '-o', 'pose.yaml'], '--output must be a Python file'),
        (['-o', 'a.py'], '--output needs the NAME'),
    ],
)
def test_what_cannot_be_is_one_line(args: list[str], text: str, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Path('there.py').touch()
    assert main(['config', *args]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and text in lines[0]
