"""Numbers of the command line that cannot be: exit status 2 and one sentence, before anything else."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.__main__ import main
from mmautoloss.testing.toy_searches import run_toy, toy_config
from tests.isolation import ROOT

COMMANDS = {
    'split {list} --seed -1': 'must not be negative, but got -1',
    'split {list} --seed 1.5': "must be a whole number, but got '1.5'",
    'split {list} --share nan': '--share must be between 0 and 1, but got nan',
    'split {list} --count -3': 'but got -3',
    'evaluate {base} --seed -1': 'seed must be an integer from 0 to 2**32 - 1, but got -1',
    'evaluate {base} --seed 4294967296': 'but got 4294967296',
    'evaluate {base} --timeout nan': 'timeout must be a finite number, but got nan',
    'evaluate {base} --timeout -1': 'timeout must not be negative, but got -1',
    'evaluate {base} head_cls=ce --weights head_cls=nan': "must be a number, but got 'nan'",
    'evaluate {base} --max-iters 0': 'max_iters must be an integer of at least 1, but got 0',
    'replay {work} --first -1': 'must not be negative, but got -1',
    'replay {work} --last -1': 'must not be negative, but got -1',
    'apply {base} {work} --trial -1 -o x.py': 'has no searched trial -1',
    'export {work} --format json --trial -1': 'has no searched trial -1',
    'correlate {work} --times nan': 'must be above 1, but got nan',
    'correlate {work} --times x': "invalid _times value: 'x'",
    'correlate {work} --count -1': 'must be 2 or more, but got -1',
    'correlate {work} --workers 0': 'must be at least 1',
    'refine {work} --trials 0': 'must be at least 1, but got 0',
    'refine {work} --trials 1e9': "must be a whole number, but got '1e9'",
    'refine cls=gce box=l1 --config {search} --sigma nan': 'sigma must be a finite number',
    'refine {work} --workers 0': 'must be at least 1',
    'transfer {work} {base} --workers -1': 'must be at least 1',
    'transfer {work} {base} --seeds 0': 'must be 1 or more, but got 0',
    'transfer {work} {base} --first-seed -1': 'must be an integer from 0 to 2**31 - 1, but got -1',
    'rungs {work} --keep nan': 'must be a share between 0 and 1, but got nan',
    'rungs {work} --least -1': 'must be at least 1, but got -1',
    'status {work} --watch nan': 'SECONDS must be positive, but got nan',
}
TOOLS = {
    'search.py {search} --seed -1': 'seed must not be negative, but got -1',
    'search.py {search} --max-trials -1': 'max_trials must not be negative, but got -1',
    'search.py {search} --workers 0': 'must be at least 1',
    'search.py {search} --max-seconds nan': 'max_seconds must be a finite number, but got nan',
    'search.py {search} --gpus-per-candidate nan': 'gpus_per_candidate must be a finite number, but got nan',
    'compare.py {search} --results x.csv --seeds 0': 'must be at least 1, but got 0',
    'compare.py {search} --results x.csv --first-seed -1': 'must not be negative, but got -1',
    'compare.py {search} --results x.csv --best -1': 'must not be negative, but got -1',
    'train.py {base} --seed -1': 'must not be negative, but got -1',
}


@pytest.fixture(scope='module')
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp('absurd')
    cfg = toy_config(folder, {'budget.max_trials': 3, 'budget.finalists': 0, 'proxy.rung': {'watch': True}})
    run_toy(cfg)
    (folder / 'list.txt').write_text('a\nb\nc\n')
    found = {'base': 'toy.py', 'search': 'toy_search.py', 'list': 'list.txt', 'work': 'work'}
    return {name: folder / file for name, file in found.items()}


@pytest.mark.parametrize('command', COMMANDS)
def test_a_command(command: str, places: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status = main([word.format(**places) for word in command.split()])
    except SystemExit as ended:
        status = ended.code
    told = capsys.readouterr().err.splitlines()
    assert status == 2 and COMMANDS[command] in told[-1]
    assert sum('error: ' in line for line in told) == 1 and 'Traceback' not in '\n'.join(told)


@pytest.mark.parametrize('command', TOOLS)
def test_a_tool(
    command: str,
    places: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process: ``tests/test_tools.py`` runs the tools as programs."""
    tool, *words = (word.format(**places) for word in command.split())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', [tool, *words, '--work-dir', str(tmp_path / 'work')])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / 'tools' / tool), run_name='__main__')
    told = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2 and TOOLS[command] in told[-1], told
    assert not (tmp_path / 'work' / 'journal.jsonl').exists()
