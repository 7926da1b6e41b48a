"""A work dir that somebody else made is data: no command runs what lies in it."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from mmautoloss.__main__ import main
from mmautoloss.engine.config.resolved import read_resolved
from mmautoloss.engine.config.trusted import CONFIG, is_trusted
from mmautoloss.testing.toy_searches import run_toy, toy_config


@pytest.fixture(scope='module')
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The work dir of a search of ours."""
    cfg = toy_config(tmp_path_factory.mktemp('own'))
    run_toy(cfg)
    return Path(cfg.work_dir)


@pytest.fixture
def found(own: Path, tmp_path: Path) -> Path:
    """The same, as somebody else has changed it: whatever could be run leaves a file behind."""
    folder = tmp_path / 'found'
    shutil.copytree(own, folder)
    evil = f'open({str(tmp_path / "ran")!r}, "a").write("ran")'
    for name in (CONFIG, 'best_config.py', 'sitecustomize.py', 'conftest.py'):
        path = folder / name
        path.write_text(f'import os\n{evil}\n' + (path.read_text() if path.exists() else ''))

    class Evil:
        def __reduce__(self) -> tuple:
            return exec, (evil,)

    (folder / 'probes.pt').write_bytes(pickle.dumps(Evil()))
    for trial in (folder / 'trials').iterdir():
        (trial / 'predictions.npz').write_bytes(pickle.dumps(Evil()))
    return folder


COMMANDS = {
    'report': (0, ['report', '{}']),
    'report as JSON': (0, ['report', '{}', '--json']),
    'status': (0, ['status', '{}']),
    'rungs': (2, ['rungs', '{}']),
    'export': (0, ['export', '{}', '--format', 'torch']),
    'replay': (2, ['replay', '{}']),
    'correlate': (2, ['correlate', '{}']),
    'transfer': (2, ['transfer', '{}', '{base}']),
    'apply': (0, ['apply', '{base}', '{}', '-o', '{out}']),
    'evaluate': (0, ['evaluate', '{base}', '{}', '--max-iters', '1']),
    'probes of a replay': (2, ['replay', '{}', '--config', '{search}']),
}


@pytest.mark.parametrize('name', COMMANDS)
def test_nothing_of_it_is_run(name: str, found: Path, own: Path, tmp_path: Path, capsys) -> None:
    status, words = COMMANDS[name]
    places = {'base': own.parent / 'toy.py', 'search': own.parent / 'toy_search.py', 'out': tmp_path / 'out.py'}
    assert main([word.format(found, **places) for word in words]) == status
    assert not (tmp_path / 'ran').exists()
    told = capsys.readouterr()
    if name in ('replay', 'correlate', 'transfer'):
        option = '--search-config' if name == 'transfer' else '--config'
        assert f'run only where you name it: look into it, then add {option} {found / CONFIG}.' in told.err
    if name == 'report':
        html = (found / 'report.html').read_text(encoding='utf-8')
        assert 'of no search of yours' in html and 'Losses of mlp on vectors' in html


def test_what_the_user_names_is_run(found: Path, tmp_path: Path) -> None:
    assert main(['report', str(found), '--config', str(found / CONFIG)]) == 0
    assert (tmp_path / 'ran').exists()
    assert 'of no search of yours' not in (found / 'report.html').read_text(encoding='utf-8')


def test_a_search_of_ours_is_known_wherever_it_lies(own: Path, tmp_path: Path) -> None:
    shutil.copytree(own, tmp_path / 'moved')
    assert is_trusted(tmp_path / 'moved' / CONFIG)
    assert main(['replay', str(tmp_path / 'moved'), '--last', '1']) == 0


@pytest.mark.parametrize(
    ('text', 'settings'),
    [
        (
            "train_cfg = {'describe': {'set': 'x'}, 'options': {'a': 1}}",
            {'describe': {'set': 'x'}, 'options': {'a': 1}},
        ),
        ("train_cfg = {'describe': dict(set=open('ran', 'w'))}", {}),
        ("train_cfg = {'describe': 3, 'type': SearchLoop}", {}),
        ("train_cfg = dict(describe=dict(set='x'))", {}),
        ('', {}),
    ],
)
def test_settings_are_read_as_data(tmp_path: Path, text: str, settings: dict) -> None:
    (tmp_path / CONFIG).write_text(text)
    assert read_resolved(tmp_path) == settings
