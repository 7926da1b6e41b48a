"""What is done with a command of a page: it is run where that is cheap, else the real parser reads its arguments."""

from __future__ import annotations

import argparse
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mmautoloss.__main__ import build_parser
from tests.isolation import ROOT

RUN = {'apply', 'branches', 'export', 'replay', 'report', 'rungs', 'split', 'status'}
"""Commands of the package that are run; of the others the arguments are read."""

_PYTHON = re.compile(r'(\.venv/bin/)?python3?(\.\d+)?')
_ASSIGNMENT = re.compile(r'[A-Z_]+=.*')
_EXTRAS = re.compile(r'mmautoloss\[([\w,]+)\]')


class Parsed(Exception):
    """The arguments of a script were read; the text has them."""


def check(command: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a command or reads its arguments, in the current folder.

    Returns:
        ``'run'`` or ``'read'``.

    Raises:
        AssertionError: It cannot be so, or there is no way to check it.
    """
    words = shlex.split(command, comments=True)
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    assert words, f'nothing is called in {command!r}'
    program, *arguments = words
    for argument in arguments:
        if re.match(r'(configs|docs|tools|benchmarks|tests|examples)/', argument) and '=' not in argument:
            assert Path(argument).exists() or argument.endswith('.csv'), f'there is no {argument}'
    if program == 'make':
        return _make(arguments, monkeypatch)
    if program == 'bash':
        return _launcher(arguments, monkeypatch)
    if program == 'mmautoloss' or (_PYTHON.fullmatch(program) and arguments[:2] == ['-m', 'mmautoloss']):
        return _package(arguments if program == 'mmautoloss' else arguments[2:])
    if _PYTHON.fullmatch(program) and arguments[:2] == ['-m', 'pytest']:
        return _tests(arguments[2:])
    if _PYTHON.fullmatch(program) and arguments == ['-m', 'build']:
        return 'read'
    if _PYTHON.fullmatch(program) and arguments[0].endswith('.py'):
        return _script(arguments, monkeypatch)
    if program in ('pip', 'cd', 'git', 'ruff', 'tensorboard'):
        return _known(program, arguments)
    raise AssertionError(f'no rule says how {command!r} is checked; write one, or <!-- not run: REASON --> before it')


def _package(arguments: list[str]) -> str:
    args = _read(build_parser(), arguments)
    if args is None:
        return 'run'  # --help
    if args.command not in RUN or getattr(args, 'watch', False):
        return 'read'
    status = args.run(args)
    assert status == 0, f'{arguments} ended with {status}'
    return 'run'


def _read(parser: argparse.ArgumentParser, arguments: list[str]) -> argparse.Namespace | None:
    try:
        return parser.parse_args(arguments)
    except SystemExit as end:
        assert end.code == 0, f'{arguments} are no arguments of {parser.prog}'
        return None


def _script(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Reads the arguments with the script's own parser, and goes no further."""
    read = argparse.ArgumentParser.parse_args

    def parse_args(parser: argparse.ArgumentParser, *given: object) -> None:
        raise Parsed(str(read(parser, *given)))

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, 'parse_args', parse_args)
        patch.setattr(sys, 'argv', arguments)
        patch.syspath_prepend(str(ROOT / Path(arguments[0]).parent))
        try:
            runpy.run_path(arguments[0], run_name='__main__')
        except Parsed:
            return 'read'
        except SystemExit as end:
            assert end.code == 0, f'{arguments} cannot be read'
            return 'run'
    raise AssertionError(f'{arguments[0]} read no arguments')


def _make(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Asks make what it would do, and checks the tools that it would call."""
    done = subprocess.run(['make', '-n', '-C', str(ROOT), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        if re.match(r'\.venv/bin/python (tools/|-m (mmautoloss|pytest))', line):
            check(line, monkeypatch)
    return 'read'


def _launcher(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Lets a launcher call a program that prints its arguments, and reads these."""
    script, *rest = arguments
    echo = Path('echo.sh').absolute()
    echo.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    echo.chmod(0o755)
    srun = Path('bin/srun').absolute()
    srun.parent.mkdir(exist_ok=True)
    srun.write_text('#!/bin/bash\nwhile [ "$1" != "$PYTHON" ]; do shift; done\nshift\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    env = {**os.environ, 'PYTHON': str(echo), 'PATH': f'{srun.parent}{os.pathsep}{os.environ["PATH"]}'}
    done = subprocess.run(['bash', script, *rest], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    folders = (ROOT / 'tools', ROOT / 'benchmarks/gpu')  # torchrun's own arguments come before the tool
    first = next(index for index, line in enumerate(lines) if Path(line).resolve().parent in folders)
    tool, *given = lines[first:]
    return _script([str(Path(tool).resolve().relative_to(ROOT)), *given], monkeypatch)


def _tests(arguments: list[str]) -> str:
    for argument in arguments:
        assert not argument.startswith('tests') or Path(argument.partition('::')[0]).exists(), argument
    return 'read'


def _known(program: str, arguments: list[str]) -> str:
    """Programs of others: what is ours in their arguments must be there."""
    if program == 'cd':
        assert arguments == ['mmautoloss'] or Path(arguments[0]).is_dir(), arguments
    extras = [name for argument in arguments for found in _EXTRAS.findall(argument) for name in found.split(',')]
    known = (ROOT / 'setup.py').read_text(encoding='utf-8')
    assert all(f"'{name}': [" in known for name in extras), f'setup.py has no extra {extras}'
    return 'read'
