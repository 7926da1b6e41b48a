"""One process at a time writes a journal, and a dead one is no obstacle."""

from __future__ import annotations

import errno
import fcntl
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


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without locks, as NFS without its lock service."""

    def flock(file: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, 'flock', flock)


@pytest.mark.usefixtures('no_locks')
def test_a_file_takes_the_place_of_locks(path: Path) -> None:
    """One process at a time writes, and the next one takes over what a killed one leaves behind."""
    owner = fork(hold, path)
    wait_for(lambda: count_lines(path) >= BEGUN)
    with pytest.raises(JournalError, match=rf'process {owner.pid} on .* delete {path.with_suffix(".lock")}'):
        open_and_close(path)
    kill(owner)
    assert path.with_suffix('.lock').exists()
    journal = Journal(path, HEADER, {}, resume=True)
    assert f'has no locks: {path.with_suffix(".lock")} takes their place' in journal.soft_lock
    journal.close()
    assert not path.with_suffix('.lock').exists()


@pytest.mark.usefixtures('no_locks')
def test_the_file_of_another_machine_is_not_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody here can know whether its process lives: the user says so by deleting the file."""
    monkeypatch.setattr(lock, 'WAIT', 0.1)
    file = path.with_suffix('.lock')
    owner = fork(hold, path)
    wait_for(lambda: count_lines(path) >= BEGUN)
    kill(owner)
    file.write_text(file.read_text().replace(socket.gethostname(), 'elsewhere'))
    with pytest.raises(JournalError, match=f'If that process is gone, with its machine, delete {file}'):
        open_and_close(path)
    file.unlink()
    open_and_close(path)


def test_a_lock_of_the_file_system_has_nothing_to_say(path: Path) -> None:
    journal = Journal(path, HEADER, {}, resume=True)
    assert journal.soft_lock == ''
    journal.close()
