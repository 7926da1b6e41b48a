"""Every block of code in the pages: Python is executed, commands are run or their arguments read; none is left out."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import MODELS

from mmautoloss.losses import SearchedLoss
from tests.test_docs.pages import PAGES, Block, commands, name_of, read_blocks
from tests.test_docs.shell import check

LANGUAGES = {'python', 'shell', 'text', 'json', 'latex'}
"""``text``, ``json`` and ``latex`` are for what programs print and files hold."""

MOST_NOT_RUN = 6
"""Blocks that may be marked as not run, each with a reason."""

BLOCKS = [block for page in PAGES for block in read_blocks(page)]


def plain(command: str) -> str:
    """A command without comment and without the place of Python, which are nothing to the check."""
    return shlex.join(shlex.split(command, comments=True)).removeprefix('.venv/bin/')


SHELL: dict[str, Block] = {}
"""Each command with the first block that has it: pages repeat some, which one run checks."""
for shown in BLOCKS:
    if shown.language == 'shell' and not shown.not_run:
        for line in commands(shown.text):
            SHELL.setdefault(plain(line), shown)


def test_every_block_has_a_language_and_is_closed() -> None:
    assert len(BLOCKS) > 20
    wrong = [f'{block}: {block.language!r}' for block in BLOCKS if block.language not in LANGUAGES]
    assert wrong == []
    indented = [
        f'{name_of(page)}: {line.strip()}'
        for page in PAGES
        for line in re.findall(r'\n\n    [^\s*-].*', page.read_text(encoding='utf-8'))
    ]
    assert indented == [], 'code must stand in fences, or no test sees it'


def test_few_blocks_are_not_run() -> None:
    skipped = {str(block): block.not_run for block in BLOCKS if block.not_run}
    assert len(skipped) <= MOST_NOT_RUN, skipped
    assert all(len(reason) > 10 for reason in skipped.values()), skipped
    for page in PAGES:
        marks = len(re.findall(r'^<!-- not run', page.read_text(encoding='utf-8'), re.MULTILINE))
        assert marks == sum(bool(block.not_run) for block in read_blocks(page)), 'a mark without its block'


@pytest.mark.parametrize(
    'page', [p for p in PAGES if any(b.language == 'python' for b in read_blocks(p))], ids=name_of
)
def test_python_runs(page: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page one after the other, with the same names."""
    monkeypatch.chdir(project)
    names: dict[str, Any] = {'__name__': 'page'}
    for block in read_blocks(page):
        if block.language == 'python' and not block.not_run:
            exec(compile(block.text, str(block), 'exec'), names)
            _build_losses(block, names)


def _build_losses(block: Block, names: dict[str, Any]) -> None:
    """What a page shows as the config of a loss can be built."""
    for name, value in names.items():
        if isinstance(value, dict) and str(value.get('type', '')).endswith('SearchedLoss'):
            assert isinstance(MODELS.build(dict(value)), SearchedLoss), f'{block}: {name}'


@pytest.mark.parametrize('command', SHELL, ids=[f'{block}: {command[:60]}' for command, block in SHELL.items()])
def test_command(command: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert check(command, monkeypatch) in ('run', 'read')


@pytest.mark.parametrize(
    'command',
    [
        'frobnicate --now',
        'python -m mmautoloss status',
        'python -m mmautoloss branches configs/none.py',
        'python tools/search.py configs/digits/pose_search.py --max-trails 3',
        'python tools/search.py configs/none.py',
        'make nothing',
        'make search ARGS=--frobnicate',
        'bash tools/dist_search.sh configs/digits/pose_search.py',
        'pip install "mmautoloss[nothing]"',
    ],
)
def test_wrong_commands_are_found(command: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself is tried on what must not pass."""
    monkeypatch.chdir(project)
    with pytest.raises((AssertionError, ValueError)):
        check(command, monkeypatch)


def test_nothing_is_left_to_do() -> None:
    left = [name_of(page) for page in PAGES if 'TODO' in page.read_text(encoding='utf-8')]
    assert left == []
