"""The journal of a search: JSON lines, one event per line, each appended and flushed to disk."""

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
from mmautoloss.trial.lock import lock_journal, soft_lock
from mmautoloss.trial.pulse import Pulse
from mmautoloss.trial.read import complete_lines, record_of
from mmautoloss.trial.record import Record
from mmautoloss.trial.trial import Outcome, Trial, outcome_to_json


class Journal:
    """An append-only file, owned by one process at a time; ``history`` holds its trials.

    The first line says what is searched (``header``). Each later line records that a session began or ended, that a
    trial was proposed or settled, or what the workers do. A last line that a crash left incomplete is truncated; any
    other damage is an error. Several threads may write.

    Args:
        path: The file; created if absent.
        header: Settings that identify the search, in types of JSON. A journal with another header is refused.
        info: Further facts about a new search or session, such as versions; never compared.
        resume: Whether a journal that has trials may be continued.

    Raises:
        JournalError: Another process owns the file, or it cannot be written, is damaged, belongs to another search, or
            has trials while ``resume`` is false.
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
                event = self._append('search', version=VERSION, **header, info=info)
                self._record.header = json.loads(json.dumps(event))  # as it is read
        except BaseException:
            if hasattr(self, '_file'):
                self._file.close()
            self._owner.release()
            raise
        self._record.close_last_session()

    @property
    def soft_lock(self) -> str:
        """What to know of its lock, where that is a mere file; '' for any other."""
        return soft_lock(self._owner)

    @property
    def record(self) -> Record:
        """The content of the journal, updated with each event."""
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
        """Number of sessions that died during the training of this trial."""
        return self._record.attempts(number)

    def begin(self, slots: int, heartbeat: float, budget: Mapping[str, Any], isolated: bool = False) -> None:
        """Records that a session begins.

        Args:
            slots: Number of trials that run at the same time.
            heartbeat: Seconds between two heartbeats.
            budget: Limits of the search.
            isolated: Whether trials run in other processes.
        """
        process = {'version': VERSION, 'host': socket.gethostname(), 'pid': os.getpid()}
        settings = {'slots': slots, 'heartbeat': heartbeat, 'budget': dict(budget), 'info': self._info}
        settings['isolated'] = isolated
        self._note('started', **process, **settings)

    def propose(self, trial: Trial) -> None:
        """Records that a trial begins."""
        with self._mutex:
            self._append('proposed', **trial.to_json())
            self.history.add(trial)

    def settle(self, number: int, outcome: Outcome, elapsed: float) -> None:
        """Records the outcome of a trial; ``elapsed`` are the seconds of search so far, over all sessions."""
        with self._mutex:
            event = self._append('settled', number=number, elapsed=elapsed, **outcome_to_json(outcome))
            self._record.settle(number, outcome, elapsed, event['time'])

    def beat(self, pulses: Iterable[Pulse], elapsed: float) -> None:
        """Records what the workers do; any thread may call it."""
        self._note('beat', pulses=[pulse.to_json() for pulse in pulses], elapsed=elapsed)

    def end(self, reason: str) -> None:
        """Records why the session ends: ``done``, ``interrupted``, or the text of an error."""
        self._note('ended', reason=reason)

    def close(self) -> None:
        """Releases the file for another process."""
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
    """The record of a journal that may be continued, and the number of its valid bytes."""
    lines = complete_lines(path)
    if not resume and not _has_no_trials(path, lines):
        raise JournalError(f'{path} already holds a search. Continue it with --resume, or choose another --work-dir.')
    if not resume or not lines:
        return Record(), 0
    record = record_of(path, lines)
    check_header(path, record.header, header)
    return record, sum(map(len, lines)) + len(lines)


def _has_no_trials(path: Path, lines: list[bytes]) -> bool:
    """Whether the journal has no trial, as after a start that failed early, perhaps because of a wrong setting."""
    try:
        return len(lines) < 2 or not len(record_of(path, lines).history)
    except JournalError:
        return False


def _open(path: Path, size: int) -> AppendedFile:
    try:
        return AppendedFile(path, size)
    except OSError as error:
        raise JournalError(f'{path} cannot be written: {error.strerror}. Choose another --work-dir.') from error


_LISTED_IF_USED = ('primitives', 'progress', 'aggregate', 'tasks')
"""Keys of a header that only searches with custom operators, the elapsed share of the training or several tasks have."""


def check_header(path: Path, recorded: dict[str, Any], current: dict[str, Any]) -> None:
    """Compares the header of a journal with that of the current search.

    Raises:
        JournalError: A key differs.
    """
    current = json.loads(json.dumps(current))
    for key in dict.fromkeys((*current, *_LISTED_IF_USED)):
        if recorded.get(key) != current.get(key):
            raise JournalError(
                f'{path} belongs to another search: {key} was {recorded.get(key)!r}, now it is {current.get(key)!r}. '
                'Use the settings of the first start, or choose another --work-dir.'
            )
