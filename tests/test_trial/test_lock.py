"""One process at a time writes a journal, and a dead one is no obstacle."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from mmautoloss.errors import JournalError
from mmautoloss.trial import Journal, lock, read_journal
from tests.test_trial.children import HEADER, count_lines, fork, hold, hold_by_a_child, kill, wait_for

BEGUN = 2  # lines


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'journal.jsonl'


def is_locked(path: Path) -> bool:
    lock = FileLock(path.with_suffix('.lock'))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def open_and_close(path: Path) -> None:
    Journal(path, HEADER, {}, resume=True).close()


def test_living_owner_is_told_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, 'WAIT', 'nobody may wait')
    owner = fork(hold, path)
    wait_for(lambda: count_lines(path) >= BEGUN)
    whom = rf'process {owner.pid} on {socket.gethostname()}, since 20\d\d-'
    with pytest.raises(JournalError, match=rf'Another search is writing .*{whom}.*--work-dir'):
        open_and_close(path)
    kill(owner)
    assert path.with_suffix('.lock').exists(), 'which says nothing'
    open_and_close(path)


@pytest.mark.parametrize('reaped', [True, False])
def test_child_of_a_dead_owner_is_waited_for(path: Path, tmp_path: Path, reaped: bool) -> None:
    release = tmp_path / 'release'
    owner = fork(hold_by_a_child, path, release)
    wait_for(lambda: count_lines(path) >= BEGUN)
    if reaped:
        kill(owner)
    else:  # a zombie, as where the parent of the search does not look after it
        os.kill(owner.pid, signal.SIGKILL)
        os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
    assert is_locked(path), 'the child has inherited the lock'
    timer = threading.Timer(0.5, release.touch)
    timer.start()
    open_and_close(path)
    timer.join()
    owner.join()
    assert read_journal(path).sessions[0].pid == owner.pid


def test_waiting_has_an_end(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = tmp_path / 'release'
    owner = fork(hold_by_a_child, path, release)
    wait_for(lambda: count_lines(path) >= BEGUN)
    kill(owner)
    monkeypatch.setattr(lock, 'WAIT', 0.1)
    try:
        with pytest.raises(JournalError, match=f'Another search is writing .*process {owner.pid} '):
            open_and_close(path)
    finally:
        release.touch()


def test_second_journal_of_one_process(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, 'WAIT', 'nobody may wait')
    journal = Journal(path, HEADER, {})
    journal.begin(1, 30.0, {})
    with pytest.raises(JournalError, match=f'process {os.getpid()} '):
        open_and_close(path)
    assert len(read_journal(path).sessions) == 1, 'reading needs no lock'
    journal.close()
    open_and_close(path)


def test_refused_start_lets_go(path: Path) -> None:
    open_and_close(path)
    with pytest.raises(JournalError, match='belongs to another search'):
        Journal(path, {'seed': 1}, {}, resume=True)
    assert not is_locked(path)
