"""``mmautoloss branches``: the losses of a model, and configs that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmautoloss.__main__ import main
from mmautoloss.engine.config.resolved import CONFIG, read_resolved
from mmautoloss.errors import SetupError
from mmautoloss.testing.toy_searches import write_toy


def test_losses_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_toy(tmp_path)
    assert main(['branches', str(tmp_path / 'toy.py')]) == 0
    told = capsys.readouterr().out
    assert 'head_cls' in told and 'head_box' in told


@pytest.mark.parametrize(
    ('name', 'text', 'error'),
    [
        ('none.py', None, 'There is no config none.py.'),
        ('broken.py', 'model = (', 'broken.py cannot be read: SyntaxError: '),
        ('based.py', "_base_ = 'gone.py'", 'based.py cannot be read: FileNotFoundError: '),
        ('faulty.py', 'model = 1 / 0', 'faulty.py cannot be read: ZeroDivisionError: division by zero'),
        ('notes.txt', 'model = dict()', 'notes.txt cannot be read: OSError: '),
        ('bare.py', 'lr = 1', 'bare.py has no model: '),
        ('unknown.py', "model = dict(type='Unheard')", 'The config cannot be built: KeyError: '),
    ],
)
def test_config_that_cannot_be_read_is_one_error(
    name: str,
    text: str | None,
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text)
    assert main(['branches', name]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f'mmautoloss branches: error: {error}') and told.count('\n') == 1


def test_search_config_in_a_work_dir_that_cannot_be_read(tmp_path: Path) -> None:
    assert read_resolved(tmp_path) == {}
    (tmp_path / CONFIG).write_text('lr = 1')
    assert read_resolved(tmp_path) == {}
    (tmp_path / CONFIG).write_text('train_cfg = (')
    with pytest.raises(SetupError, match=f'{CONFIG} cannot be read: '):
        read_resolved(tmp_path)
