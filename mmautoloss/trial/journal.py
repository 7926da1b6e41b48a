"""The memory of a search: JSON lines, one event a line, appended and flushed to disk one by one."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmautoloss.errors import JournalError
from mmautoloss.trial.appended_file import AppendedFile
from mmautoloss.trial.history import History
from mmautoloss.trial.line import VERSION, seal
from mmautoloss.trial.lock import lock_journal
from mmautoloss.trial.pulse import Pulse
from mmautoloss.trial.read import complete_lines, record_of
from mmautoloss.trial.record import Record
from mmautoloss.trial.trial import Outcome, Trial, outcome_to_json


class Journal:
    """An append-only file, owned by one process at a time; ``history`` is what it says.

    The first line tells what is searched (``header``), each other one that a session began or ended, that a trial was
    proposed or settled, or what the workers do. A last line that was torn by a crash is cut off; any other damage is an
    error. Threads may write at the same time.

    Args:
        path: The file; made if absent.
        header: What makes this search this search, in types of JSON. A journal with another header is refused.
        info: What else is worth knowing of a new search or session, such as versions; never compared.
        resume: Whether a journal that has trials may be continued.

    Raises:
        JournalError: Another process owns it, it cannot be written, is damaged, belongs to another search, or has trials
            while ``resume`` is false.
    """

    def __init__(self, path: str | Path, header: dict[str, Any], info: dict[str, Any], resume: bool = False) -> None:
        self.path = Path(path)
        self._info = info
        self._mutex = threading.Lock()
        self._owner = lock_journal(self.path)
        try:
            self._record, size = _load(self.path, header, resume)
            self._file = _open(self.path, size)
            if not size:
                self._append('search', version=VERSION, **header, info=info)
        except BaseException:
            if hasattr(self, '_file'):
                self._file.close()
            self._owner.release()
            raise
        self._record.bury()

    @property
    def record(self) -> Record:
        """All that it says; grows with it."""
        return self._record

    @property
    def history(self) -> History:
        """The trials."""
        return self._record.history

    @property
    def elapsed(self) -> float:
        """Seconds of search, over all sessions."""
        return self._record.elapsed

    def attempts(self, number: int) -> int:
        """How many sessions died while this trial was trained."""
        return self._record.attempts(number)

    def begin(self, slots: int, heartbeat: float, budget: Mapping[str, Any], isolated: bool = False) -> None:
        """Writes that a session begins.

        Args:
            slots: How many trials run at the same time.
            heartbeat: Seconds between two beats.
            budget: What is to be done at most.
            isolated: Whether trials run in other processes.
        """
        who = {'version': VERSION, 'host': socket.gethostname(), 'pid': os.getpid()}
        what = {'slots': slots, 'heartbeat': heartbeat, 'budget': dict(budget), 'info': self._info}
        what['isolated'] = isolated
        self._note('started', **who, **what)

    def propose(self, trial: Trial) -> None:
        """Writes that a trial begins."""
        with self._mutex:
            self._append('proposed', **trial.to_json())
            self.history.add(trial)

    def settle(self, number: int, outcome: Outcome, elapsed: float) -> None:
        """Writes what came of a trial; ``elapsed`` are the seconds of search so far, over all sessions."""
        with self._mutex:
            event = self._append('settled', number=number, elapsed=elapsed, **outcome_to_json(outcome))
            self._record.settle(number, outcome, elapsed, event['time'])

    def beat(self, pulses: Iterable[Pulse], elapsed: float) -> None:
        """Writes what the workers do; from any thread."""
        self._note('beat', pulses=[pulse.to_json() for pulse in pulses], elapsed=elapsed)

    def end(self, reason: str) -> None:
        """Writes why the session ends: ``done``, ``interrupted``, or the text of an error."""
        self._note('ended', reason=reason)

    def close(self) -> None:
        """Gives the file free for another process."""
        self._file.close()
        self._owner.release()

    def _note(self, kind: str, /, **fields: Any) -> None:
        with self._mutex:
            self._record.apply(self._append(kind, **fields))

    def _append(self, kind: str, /, **fields: Any) -> dict[str, Any]:
        event = {'event': kind, 'time': round(time.time(), 3), **fields}
        self._file.append(seal(event))
        return event


def _load(path: Path, header: dict[str, Any], resume: bool) -> tuple[Record, int]:
    """What a journal says that may be continued, and how many of its bytes count."""
    lines = complete_lines(path)
    if not resume and not _never_began(path, lines):
        raise JournalError(f'{path} already holds a search. Continue it with --resume, or choose another --work-dir.')
    if not resume or not lines:
        return Record(), 0
    record = record_of(path, lines)
    check_header(path, record.header, header)
    return record, sum(map(len, lines)) + len(lines)


def _never_began(path: Path, lines: list[bytes]) -> bool:
    """Whether there is no trial yet: the start before failed early, perhaps by a setting mended since."""
    try:
        return len(lines) < 2 or not len(record_of(path, lines).history)
    except JournalError:
        return False


def _open(path: Path, size: int) -> AppendedFile:
    try:
        return AppendedFile(path, size)
    except OSError as error:
        raise JournalError(f'{path} cannot be written: {error.strerror}. Choose another --work-dir.') from error


def check_header(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Compares the header of a journal with that of the search at hand.

    Raises:
        JournalError: A key differs.
    """
    wanted = json.loads(json.dumps(wanted))
    for key in dict.fromkeys((*wanted, 'primitives')):  # operators of users, named only where there are any
        if found.get(key) != wanted.get(key):
            raise JournalError(
                f'{path} belongs to another search: {key} was {found.get(key)!r}, now it is {wanted.get(key)!r}. '
                'Use the settings of the first start, or choose another --work-dir.'
            )
