"""Searches in processes of their own, watched by their journals and killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmautoloss.testing.fault_injection import VARIABLE
from mmautoloss.testing.forked import ForkedProgram
from tests.isolation import ROOT

LIMIT = 400  # seconds, for a machine that is busy


def start(config: Path, work: Path, *args: str, **faults: Any) -> ForkedProgram:
    """Starts ``tools/search.py``; its output goes to a file beside the work dir."""
    environment = {**os.environ, VARIABLE: json.dumps(faults), 'OMP_NUM_THREADS': '1'}
    environment['PYTHONPATH'] = os.pathsep.join([str(ROOT), environment.get('PYTHONPATH', '')])
    command = ['tools/search.py', str(config), '--work-dir', str(work), *args]
    return ForkedProgram(command, ROOT, environment, work.with_suffix('.log'))


def finish(process: ForkedProgram, work: Path) -> None:
    """Waits for a search to end well."""
    assert process.wait(LIMIT) == 0, work.with_suffix('.log').read_text()


def kill_at(process: ForkedProgram, work: Path, events: int) -> None:
    """Sends SIGKILL as soon as the journal tells of so many beginnings and ends of trials."""
    wait_for(lambda: count_events(work) >= events or process.poll() is not None)
    assert process.poll() is None, work.with_suffix('.log').read_text()
    process.send_signal(signal.SIGKILL)
    process.wait(LIMIT)


def wait_for(condition: Callable[[], bool], seconds: float = LIMIT) -> None:
    """Waits until a condition holds.

    Raises:
        TimeoutError: It does not.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.005)


def count_events(work: Path) -> int:
    """How many trials have begun or settled, by the whole lines of the journal."""
    path = work / 'journal.jsonl'
    whole = path.read_bytes().rpartition(b'\n')[0] if path.exists() else b''
    return sum(whole.count(f'{{"event":"{event}"'.encode()) for event in ('proposed', 'settled'))


def read_events(work: Path) -> list[dict[str, Any]]:
    """What a journal says of its trials, without times and without who measured them."""
    lines = (work / 'journal.jsonl').read_text().splitlines()
    drop = ('seconds', 'elapsed', 'time', 'crc', 'stages', 'worker', 'attempts')
    events = [{k: v for k, v in json.loads(line).items() if k not in drop} for line in lines]
    return [event for event in events if event['event'] in ('proposed', 'settled')]


def descendants(pid: int) -> list[int]:
    """Processes below a process that are not zombies."""
    parents = {}
    for path in Path('/proc').glob('[0-9]*/stat'):
        try:
            state, parent = path.read_text().rpartition(')')[2].split()[:2]
        except OSError:  # ended meanwhile
            continue
        if state != 'Z':
            parents[int(path.parent.name)] = int(parent)
    found = [child for child, parent in parents.items() if parent == pid]
    return found + [below for child in found for below in descendants(child)]


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False
