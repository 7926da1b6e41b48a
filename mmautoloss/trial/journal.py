"""The memory of a search: JSON lines, one event a line, appended and flushed to disk one by one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mmautoloss.errors import JournalError, MMAutoLossError
from mmautoloss.trial.history import History
from mmautoloss.trial.trial import Outcome, Trial, outcome_from_json, outcome_to_json

VERSION = 1
"""Version of the format, in the first line of a journal."""


class Journal:
    """An append-only file, owned by one process at a time; ``history`` is what it says.

    The first line tells what is searched (``header``), each other one that a trial was proposed or settled. A last line
    that was torn by a crash is cut off; any other damage is an error.

    Args:
        path: The file; made if absent.
        header: What makes this search this search, in types of JSON. A journal with another header is refused.
        info: What else is worth knowing of a new search, such as versions; never compared.
        resume: Whether a journal that has trials may be continued.

    Raises:
        JournalError: Another process owns it, it is damaged, belongs to another search, or has trials while
            ``resume`` is false.
    """

    def __init__(self, path: str | Path, header: dict[str, Any], info: dict[str, Any], resume: bool = False) -> None:
        self.path = Path(path)
        self.history = History()
        self.elapsed = 0.0
        self._lock = _own(self.path)
        try:
            lines = _read_lines(self.path)
            if len(lines) > 1 and not resume:
                raise JournalError(
                    f'{self.path} already holds a search. Continue it with --resume, or choose another --work-dir.'
                )
            if not resume:  # at most a header: the start before failed early, perhaps by a setting mended since
                lines = []
            self._file = self.path.open('ab' if lines else 'wb')
            if lines:
                _check_header(self.path, _read_header(self.path, lines[0]), header)
                for number, line in enumerate(lines[1:], start=2):
                    self._replay(number, line)
            else:
                self._append({'event': 'search', 'version': VERSION, **header, 'info': info})
        except BaseException:
            if hasattr(self, '_file'):
                self._file.close()
            self._lock.release()
            raise

    def propose(self, trial: Trial) -> None:
        """Writes that a trial begins."""
        self._append({'event': 'proposed', **trial.to_json()})
        self.history.add(trial)

    def settle(self, number: int, outcome: Outcome, elapsed: float) -> None:
        """Writes what came of a trial; ``elapsed`` are the seconds of search so far, over all resumes."""
        self._append({'event': 'settled', 'number': number, 'elapsed': elapsed, **outcome_to_json(outcome)})
        self.history.settle(number, outcome)
        self.elapsed = elapsed

    def close(self) -> None:
        """Gives the file free for another process."""
        self._file.close()
        self._lock.release()

    def _append(self, event: dict[str, Any]) -> None:
        self._file.write(json.dumps(event, allow_nan=False).encode() + b'\n')
        self._file.flush()
        os.fsync(self._file.fileno())

    def _replay(self, number: int, line: bytes) -> None:
        try:
            event = json.loads(line)
            kind = event.pop('event')
            if kind == 'proposed':
                self.history.add(Trial.from_json(event))
            elif kind == 'settled':
                self.elapsed = event.pop('elapsed')
                self.history.settle(event.pop('number'), outcome_from_json(event))
            else:
                raise ValueError(f'unknown event {kind!r}')
        except (ValueError, KeyError, TypeError, AttributeError, MMAutoLossError) as error:
            raise JournalError(f'{self.path}, line {number} is damaged: {error}.') from None


def read_history(path: str | Path) -> tuple[dict[str, Any], History]:
    """Reads header and trials without owning the journal.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    path = Path(path)
    lines = _complete_lines(path.read_bytes()) if path.exists() else []
    if not lines:
        raise JournalError(f'There is no search in {path}.')
    header = _read_header(path, lines[0])
    reader = Journal.__new__(Journal)
    reader.path, reader.history, reader.elapsed = path, History(), 0.0
    for number, line in enumerate(lines[1:], start=2):
        reader._replay(number, line)
    return header, reader.history


def _read_header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError as error:
        raise JournalError(f'{path}, line 1 is damaged: {error}.') from None
    if not isinstance(header, dict) or header.get('event') != 'search' or header.get('version') != VERSION:
        raise JournalError(f'{path} is no journal of version {VERSION}: line 1 is {header}.')
    return header


def _own(path: Path) -> FileLock:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix('.lock'))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise JournalError(f'Another search is writing {path}. Wait for it, or choose another --work-dir.') from None
    return lock


def _complete_lines(content: bytes) -> list[bytes]:
    return content[: content.rfind(b'\n') + 1].splitlines()


def _read_lines(path: Path) -> list[bytes]:
    """The whole lines of a journal; what a crash left of a last one is cut off the file."""
    if not path.exists():
        return []
    content = path.read_bytes()
    whole = content.rfind(b'\n') + 1
    if whole < len(content):
        with path.open('r+b') as file:
            file.truncate(whole)
    return content[:whole].splitlines()


def _check_header(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    wanted = json.loads(json.dumps(wanted))
    for key, value in wanted.items():
        if found.get(key) != value:
            raise JournalError(
                f'{path} belongs to another search: {key} was {found.get(key)!r}, now it is {value!r}. '
                'Use the settings of the first start, or choose another --work-dir.'
            )
