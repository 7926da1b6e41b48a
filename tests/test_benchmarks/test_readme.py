"""The list of the benchmarks is complete, and its commands can be read."""

from __future__ import annotations

import re

import pytest

from tests.isolation import ROOT
from tests.test_docs.shell import check

TEXT = (ROOT / 'benchmarks/README.md').read_text(encoding='utf-8')
COMMANDS = re.findall(r'`(python benchmarks/[^`]+)`', TEXT)


def test_every_script_is_listed() -> None:
    scripts = [path for path in (ROOT / 'benchmarks').rglob('*.py') if "__name__ == '__main__'" in path.read_text()]
    assert {command.split()[1] for command in COMMANDS} == {str(path.relative_to(ROOT)) for path in scripts}


@pytest.mark.parametrize('command', COMMANDS)
def test_commands_are_understood(load, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each script's own parser reads them; ``load`` forgets the modules that it imports."""
    for name in ('mmdet', 'mmseg', 'mmpose'):
        pytest.importorskip(f'{name}.models.losses', exc_type=ImportError)
    monkeypatch.chdir(ROOT)
    assert check(command, monkeypatch) == 'read'


def test_no_module_hides_another() -> None:
    names = [path.stem for path in (ROOT / 'benchmarks').rglob('*.py')]
    assert len(names) == len(set(names))
