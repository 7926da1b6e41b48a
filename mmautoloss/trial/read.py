"""Reads a journal, without owning it: while a search writes it as well as afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmautoloss.errors import JournalError, MMAutoLossError
from mmautoloss.trial.history import History
from mmautoloss.trial.line import DamagedLine, check_seal, is_sealed, parse_line
from mmautoloss.trial.record import NewerVersion, Record, require_version

REPAIR = 'python -m mmautoloss repair'
"""The command that keeps what is whole of a damaged journal."""

MISFITS = (ValueError, KeyError, TypeError, AttributeError, MMAutoLossError)
"""What reading a damaged line may raise."""


class Reader:
    """Takes in a journal line by line; a line that is refused changes nothing.

    Attributes:
        record: What was read so far.
    """

    def __init__(self) -> None:
        self.record = Record()
        self._sealed = False

    def read(self, line: bytes) -> None:
        """Takes in the next line.

        Raises:
            ValueError: It is damaged, or does not fit what was there before; ``MISFITS`` are raised for wrong values.
        """
        sealed = is_sealed(line)
        if sealed:
            check_seal(line)
        elif self._sealed:  # once a line has a checksum, all that follow have one
            raise DamagedLine('its checksum is missing')
        event = parse_line(line)
        if self.record.header:
            self.record.apply(event, trusted=sealed)
        else:
            self.record.header = _header(event, sealed)
        self._sealed = self._sealed or sealed


def read_journal(path: str | Path) -> Record:
    """Reads all that a journal says.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    path = Path(path)
    lines = complete_lines(path)
    if not lines:
        raise JournalError(f'There is no search in {path}.')
    return replay(path, lines)


def read_history(path: str | Path) -> tuple[dict[str, Any], History]:
    """Reads header and trials.

    Raises:
        JournalError: There is no journal, or it is damaged.
    """
    record = read_journal(path)
    return record.header, record.history


def replay(path: Path, lines: Iterable[bytes]) -> Record:
    """What the lines of a journal say.

    Raises:
        JournalError: One of them is damaged.
    """
    reader = Reader()
    for number, line in enumerate(lines, start=1):
        try:
            reader.read(line)
        except NewerVersion as error:
            raise NewerVersion(f'{path}, line {number}: {error}.') from None
        except MISFITS as error:
            what = f'nothing is known of {error}' if isinstance(error, KeyError) else str(error)
            raise JournalError(
                f'{path}, line {number} is damaged: {what}. "{REPAIR} {path.parent}" keeps what is whole.'
            ) from None
    return reader.record


def complete_lines(path: Path) -> list[bytes]:
    """The lines of a file without their ends; what a crash left of a last one is no line.

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
    return event
