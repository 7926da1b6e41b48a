"""``mmautoloss --help``, ``--version``, and the console script."""

from __future__ import annotations

import importlib.metadata
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mmautoloss import __version__
from mmautoloss.__main__ import EXAMPLES, build_parser, main
from mmautoloss.cli import COMMANDS
from tests.isolation import ROOT, run_without


def test_help_has_a_line_for_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(['--help'])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    lines = [line.split(maxsplit=1) for line in told.splitlines() if line.startswith('    ')]
    listed = {line[0]: line[1] for line in lines if line[0] in COMMANDS}
    assert set(listed) == set(COMMANDS)
    assert EXAMPLES.strip() in told and all(len(line) <= 110 for line in told.splitlines())


def test_examples_are_commands() -> None:
    examples = [shlex.split(line)[1:] for line in EXAMPLES.splitlines() if line.startswith('  mmautoloss')]
    assert len(examples) > 5
    for words in examples:
        assert build_parser().parse_args(words).command == words[0]


@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_says_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, '--help'])
    assert ended.value.code == 0
    assert f'usage: mmautoloss {command}' in capsys.readouterr().out


def test_help_needs_no_library() -> None:
    done = run_without(
        ('torch', 'numpy', 'mmengine', 'rich'), 'from mmautoloss.__main__ import main\nmain(["--help"])'
    )
    assert done.returncode == 0 and 'examples:' in done.stdout, done.stderr


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out == f'mmautoloss {__version__}\n'
    assert importlib.metadata.version('mmautoloss') == __version__


def test_console_script_does_the_same(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name('mmautoloss')
    if not script.exists():
        pytest.skip('the package is not installed beside this Python')
    outputs = []
    for command in ([str(script)], [sys.executable, '-m', 'mmautoloss']):
        done = subprocess.run(
            [*command, 'status', str(tmp_path / 'none')],
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        outputs.append((done.returncode, done.stdout, done.stderr))
    assert outputs[0] == outputs[1] and outputs[0][0] == 2
    assert outputs[0][2].startswith('mmautoloss status: error: ')


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, '-m', 'mmautoloss', 'export', 'ce', '--inputs', 'softmax', '--format', 'python']
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(write)
    assert done.returncode == 1 and 'BrokenPipe' not in done.stderr and 'Traceback' not in done.stderr


@pytest.mark.parametrize('code', ['1 / 0', 'x = (', 'import no_such_module_of_mine'])
def test_a_module_that_cannot_be_imported(tmp_path: Path, monkeypatch, capsys, code: str) -> None:
    (tmp_path / 'module_that_fails.py').write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    assert main(['--import', 'module_that_fails', 'status', str(tmp_path)]) == 2
    assert 'error: --import module_that_fails: ' in capsys.readouterr().err


def test_an_early_stop_is_one_word(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr('mmautoloss.cli.zoo.run', stop)
    assert main(['zoo']) == 130
    assert capsys.readouterr().err == 'stopped\n'
