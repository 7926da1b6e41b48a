"""Reads a journal without owning it, while a search writes it or afterwards."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmautoloss.errors import JournalError, MMAutoLossError
from mmautoloss.expr import declare_primitives
from mmautoloss.trial.history import History
from mmautoloss.trial.line import DamagedLine, is_sealed, parse_line, parse_lines
from mmautoloss.trial.record import NewerVersion, Record, require_version

MISFITS = (ValueError, KeyError, TypeError, AttributeError, MMAutoLossError)
"""Errors that a damaged line may raise when it is read."""


class Reader:
    """Reads a journal line by line; a line that is rejected changes nothing.

    Attributes:
        record: The content of the lines so far.
    """

    def __init__(self) -> None:
        self.record = Record()
        self._sealed = False

    def read(self, line: bytes) -> None:
        """Reads the next line.

        Raises:
            ValueError: The line is damaged or does not fit the lines before it; wrong values raise any of ``MISFITS``.
        """
        self.take(parse_line(line), is_sealed(line))

    def take(self, event: dict[str, Any], sealed: bool) -> None:
        """Applies the event of the next line; ``sealed`` says whether the line has a checksum.

        Raises:
            ValueError: As ``read``.
        """
        if self._sealed and not sealed:  # once a line has a checksum, all later lines have one
            raise DamagedLine('its checksum is missing')
        if self.record.header:
            self.record.apply(event, trusted=sealed)
        else:
            self.record.header = _header(event, sealed)
        self._sealed = sealed


def read_journal(path: str | Path) -> Record:
    """Reads a whole journal.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    path = Path(path)
    lines = complete_lines(path)
    if not lines:
        raise JournalError(f'There is no search in {path}.')
    return record_of(path, lines)


def read_history(path: str | Path) -> tuple[dict[str, Any], History]:
    """Reads the header and the trials of a journal.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    record = read_journal(path)
    return record.header, record.history


def read_events(path: str | Path) -> list[dict[str, Any]]:
    """The events of a journal, in order.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    read_journal(path)
    return [parse_line(line) for line in complete_lines(Path(path))]


def load_journal(work_dir: str | Path) -> Record:
    """Reads the whole journal of a search.

    Args:
        work_dir: The work dir of a search, or its ``journal.jsonl``.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    return read_journal(find_journal(Path(work_dir)))


def find_journal(work_dir: Path) -> Path:
    """The journal of a work dir.

    Raises:
        JournalError: There is none.
    """
    path = journal_of(work_dir)
    if not path.is_file():
        problem = 'it has no journal.jsonl' if work_dir.exists() else 'it does not exist'
        raise JournalError(
            f'There is no search in {work_dir}: {problem}. WORK_DIR must be the --work-dir of a search.'
        )
    return path


def journal_of(work_dir: Path) -> Path:
    """The journal of a work dir; the path itself if it is a file."""
    return work_dir if work_dir.is_file() else work_dir / 'journal.jsonl'


def record_of(path: Path, lines: Iterable[bytes]) -> Record:
    """The record of the lines of a journal.

    Raises:
        JournalError: One of them is damaged.
    """
    with _no_collection():
        return _replay(path, lines)


_MANY = 100_000
"""New objects that take the garbage collector milliseconds."""


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Disables the garbage collector, which would repeatedly scan trials of which none is garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # marks many trials as old, so that the next collection does not scan them; the count takes time as well
            if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def _replay(path: Path, lines: Iterable[bytes]) -> Record:
    reader, number = Reader(), 1
    try:
        for event, sealed in parse_lines(lines):
            reader.take(event, sealed)
            number += 1
    except NewerVersion as error:
        raise NewerVersion(f'{path}, line {number}: {error}.') from None
    except MISFITS as error:
        reason = f'{error} is missing' if isinstance(error, KeyError) else str(error).rstrip('.')
        raise JournalError(
            f'{path}, line {number} is damaged: {reason}. '
            'The search goes on from what is whole of it with --resume --repair; the damaged journal is kept.'
        ) from None
    return reader.record


def complete_lines(path: Path) -> list[bytes]:
    """The lines of a file without line ends; an incomplete last line, as a crash leaves it, is left out.

    Raises:
        JournalError: The file cannot be read.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise JournalError(f'{path} cannot be read: {error.strerror}.') from error
    return content.split(b'\n')[:-1]


def _header(event: dict[str, Any], sealed: bool) -> dict[str, Any]:
    if event['event'] != 'search':
        raise ValueError('it is no journal, whose first event is "search"')
    require_version(event['version'])
    if event['version'] > 1 and not sealed:
        raise DamagedLine('its checksum is missing')
    declare_primitives(event.get('primitives', {}))  # so that the expressions that follow can be read
    return event
