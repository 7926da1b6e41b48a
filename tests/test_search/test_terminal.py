"""A search on a real pseudo terminal, trained in the driver's own process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmengine')
pty = pytest.importorskip('pty')

from mmautoloss.testing.fault_injection import VARIABLE  # noqa: E402
from mmautoloss.testing.toy_searches import write_toy  # noqa: E402
from tests.isolation import ROOT  # noqa: E402

pytestmark = pytest.mark.slow

CONTROL = re.compile(r'\x1b\[[0-9;?]*[a-zA-Z]')


def run_on_terminal(command: list[str], columns: int, environment: dict[str, str]) -> tuple[int, str]:
    """Runs a program with a terminal of that width; gives its exit status and all that it wrote there."""
    import fcntl
    import struct
    import termios

    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack('HHHH', 30, columns, 0, 0))
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=there, stdout=there, stderr=there)
    os.close(there)
    parts = []
    while True:
        try:
            part = os.read(here, 65536)
        except OSError:  # Linux says so when the last writer has gone
            break
        if not part:
            break
        parts.append(part)
    os.close(here)
    return process.wait(), b''.join(parts).decode()


def test_foot_moves_while_the_driver_trains_and_fits_a_narrow_terminal(tmp_path: Path) -> None:
    config = write_toy(
        tmp_path, {'budget': {'max_trials': 1, 'baseline_repeats': 0, 'finalists': 0, 'confirm_seeds': 0}}
    )
    environment = {
        **os.environ,
        VARIABLE: json.dumps({'slow': 0.3}),
        'PYTHONPATH': os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')]),
        'TERM': 'xterm-256color',
        'PYTHONIOENCODING': 'utf-8',
    }
    environment.pop('COLUMNS', None)
    command = [sys.executable, 'tools/search.py', str(config), '--work-dir', str(tmp_path / 'work')]
    status, text = run_on_terminal(command, 50, environment)
    assert status == 0, text
    lines = [line.rstrip() for line in re.split(r'[\r\n]+', CONTROL.sub('', text))]
    assert {'trial 0 for 1 s', 'trial 0 for 2 s'} <= set(lines), 'the clock is seen to go on within one training'
    bars = [line for line in lines if re.match(r'search \d/1 ', line)]
    assert bars and max(map(len, bars)) <= 50 and any('ends at' in line for line in bars)
    trials = [line for line in lines if re.match(r' +\d+ (baseline|known|search) ', line)]
    assert len(trials) >= 2 and max(map(len, trials)) <= 50
    assert any(line.startswith('best 0.') for line in lines) and 'Traceback' not in text
    assert 'no metainfo' not in text, "the Runner's own words are in the files of the trials"
