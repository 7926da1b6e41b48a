"""The lock that lets one process at a time write a journal."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from datetime import datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from mmautoloss.errors import JournalError
from mmautoloss.trial.read import read_journal
from mmautoloss.trial.record import Record
from mmautoloss.trial.session import Session

WAIT = 15.0
"""Seconds in which processes that a killed search leaves behind, such as data loader workers, end."""


_WITHOUT_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
"""What a file system says that has no locks, such as NFS without its lock service."""


def lock_journal(path: Path) -> BaseFileLock:
    """Makes this process the owner of a journal until the lock is released.

    Where the file system has no locks, a file is the lock (``SoftFileLock``), which a killed search leaves behind: on the
    same machine the next one takes it over, another machine cannot know.

    Raises:
        JournalError: Another search owns the journal, or its folder cannot be written.
    """
    lock = path.with_suffix('.lock')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _acquire(FileLock(lock) if _has_locks(path.parent) else SoftFileLock(lock), path)
    except OSError as error:
        raise JournalError(
            f'{path} cannot be written: {error.strerror or error}. Choose another --work-dir, or make this one writable.'
        ) from error


def _has_locks(folder: Path) -> bool:
    """Whether the file system of a folder has locks."""
    if os.name == 'nt':
        return True
    import fcntl

    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _WITHOUT_LOCKS:
                return False
            raise
    return True


def soft_lock(lock: BaseFileLock) -> str:
    """What to know of a lock that is a mere file; '' for any other."""
    if not isinstance(lock, SoftFileLock):
        return ''
    return (
        f'The file system of the work dir has no locks: {lock.lock_file} takes their place. If the machine of this search '
        'goes down, delete it before the search goes on from another one.'
    )


def _acquire(lock: BaseFileLock, path: Path) -> BaseFileLock:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        owner = _last_session(path)
        if owner is None or not lives(owner):
            # Child processes forked by the owner hold its lock until they end, shortly after the owner.
            try:
                lock.acquire(timeout=WAIT)
                return lock
            except Timeout:
                owner = _last_session(path)
        raise JournalError(f'Another search is writing {path}{_describe(owner)}. {_remedy(lock)}') from None
    return lock


def _remedy(lock: BaseFileLock) -> str:
    other = 'Wait for it, or choose another --work-dir.'
    if not isinstance(lock, SoftFileLock):
        return other
    return (
        f'{other} If that process is gone, with its machine, delete {lock.lock_file}: this file system has no locks.'
    )


def _last_session(path: Path) -> Session | None:
    try:
        sessions = read_journal(path).sessions
    except JournalError:  # damaged or just created: the owner is unknown
        return None
    return sessions[-1] if sessions and not sessions[-1].ended else None


def lives(owner: Session) -> bool:
    """Whether the process of a session is alive on this machine; also False if that cannot be determined."""
    if owner.host != socket.gethostname():
        return False
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the process of another user
        return True
    return not _is_zombie(owner.pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] == 'Z'
    except OSError:  # the system has no /proc
        return False


def _describe(owner: Session | None) -> str:
    if owner is None:
        return ''
    since = datetime.fromtimestamp(owner.began).isoformat(' ', 'seconds')
    return f' (process {owner.pid} on {owner.host}, since {since})'


def driver_lives(record: Record) -> bool | None:
    """Whether the last process that ran a search is alive; None if it ran on another machine, or none is known."""
    if not record.sessions or record.sessions[-1].host != socket.gethostname():
        return None
    return lives(record.sessions[-1])
