"""Ctrl-C once, twice, and SIGTERM, sent to the whole process group as a terminal does."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.testing.forked import ForkedProgram
from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.trial import State, log_name, read_history, read_journal
from tests.test_search.processes import LIMIT, descendants, finish, is_alive, start, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc'),
]


def settled(work: Path) -> int:
    path = work / 'journal.jsonl'
    return len(read_history(path)[1].settled()) if path.exists() and path.stat().st_size else 0


def begin(folder: Path, workers: int, slow: float) -> tuple[Path, Path, ForkedProgram]:
    """A search of which the first trial has settled and others run."""
    config = write_toy(folder, {'execute.workers': workers, 'budget.max_trials': 40})
    work = folder / 'work'
    process = start(config, work, slow=slow)
    wait_for(lambda: process.poll() is not None or settled(work) >= 1)
    wait_for(lambda: process.poll() is not None or read_history(work / 'journal.jsonl')[1].running())
    assert process.poll() is None, work.with_suffix('.log').read_text()
    return config, work, process


def send(process: ForkedProgram, signum: int) -> None:
    for pid in (process.pid, *descendants(process.pid)):
        os.kill(pid, signum)


@pytest.mark.parametrize('workers', [1, 2])
def test_once_finishes_what_runs_and_shows_what_was_found(tmp_path: Path, workers: int) -> None:
    config, work, process = begin(tmp_path, workers, slow=0.2)
    send(process, signal.SIGINT)
    assert process.wait(LIMIT) == 130
    text = work.with_suffix('.log').read_text()
    assert 'what is running is finished first' in text and 'found  ' in text
    assert 'the same command with --resume goes on' in text and 'Traceback' not in text
    record = read_journal(work / 'journal.jsonl')
    assert record.history.running() == [] and record.ended == 'interrupted'
    assert not any(trial.state is State.FAILED for trial in record.history.settled())
    finish(start(config, work, '--resume', '--max-trials', '3', '--workers', '1'), work)
    assert read_journal(work / 'journal.jsonl').ended == 'done'


@pytest.mark.parametrize(
    ('signals', 'workers'),
    [
        pytest.param([signal.SIGINT, signal.SIGINT], 2, id='Ctrl-C twice'),
        pytest.param([signal.SIGTERM], 1, id='SIGTERM, training in the driver'),
    ],
)
def test_twice_or_sigterm_stops_now(tmp_path: Path, signals: list[int], workers: int) -> None:
    """A trial would take 40 minutes; what was begun begins again at the resume."""
    config, work, process = begin_slow(tmp_path, workers)
    below = descendants(process.pid)
    log = work.with_suffix('.log')
    process.send_signal(signals[0])
    if len(signals) == 2:
        wait_for(lambda: 'is finished first' in log.read_text() or process.poll() is not None)
        assert process.poll() is None
        process.send_signal(signals[1])
    assert process.wait(LIMIT) == 130
    assert 'Traceback' not in log.read_text()
    record = read_journal(work / 'journal.jsonl')
    running = [trial.number for trial in record.history.running()]
    assert record.ended == 'interrupted' and running
    wait_for(lambda: not any(map(is_alive, below)), seconds=120)
    finish(start(config, work, '--resume', '--max-trials', '3', '--workers', '1'), work)
    _, history = read_history(work / 'journal.jsonl')
    assert all(history[number].state is State.COMPLETE for number in running)


def begin_slow(folder: Path, workers: int) -> tuple[Path, Path, ForkedProgram]:
    """A search whose first trial runs and does not end."""
    config, work = write_toy(folder, {'execute.workers': workers, 'budget.max_trials': 40}), folder / 'work'
    process = start(config, work, slow=300)
    # with workers its line in the journal is enough; else the training itself shall be what is interrupted
    path, sign = (work / log_name(0), 'trial 0') if workers == 1 else (work / 'journal.jsonl', '"proposed"')
    wait_for(lambda: process.poll() is not None or (path.exists() and sign in path.read_text()))
    assert process.poll() is None, work.with_suffix('.log').read_text()
    return config, work, process
