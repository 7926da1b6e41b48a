"""One line of a journal: an event as JSON, with a checksum that tells when it was altered."""

from __future__ import annotations

import json
import zlib
from typing import Any

VERSION = 2
"""Version of the format that is written; lines without a checksum are of version 1."""

_MARK = b',"crc":"'
_END = b'"}'
_TAIL = len(_MARK) + 8 + len(_END)


class DamagedLine(ValueError):
    """A line that is not as it was written."""


def seal(event: dict[str, Any]) -> bytes:
    """The line of an event, with its line end.

    Example:
        >>> seal({'event': 'ended', 'reason': 'done'})
        b'{"event":"ended","reason":"done","crc":"3b2b1c05"}\\n'
    """
    text = json.dumps(event, allow_nan=False, separators=(',', ':'))[:-1].encode()
    return b'%b%b%08x%b\n' % (text, _MARK, zlib.crc32(text), _END)


def is_sealed(line: bytes) -> bool:
    """Whether a line says that it has a checksum."""
    return line[-_TAIL:].startswith(_MARK) and line.endswith(_END)


def check_seal(line: bytes) -> None:
    """Refuses a line that has another checksum than it says.

    Raises:
        DamagedLine: It has.
    """
    actual, told = b'%08x' % zlib.crc32(memoryview(line)[:-_TAIL]), line[-_TAIL + len(_MARK) : -len(_END)]
    if actual != told:
        raise DamagedLine(f'its checksum is {actual.decode()}, but it should be {told.decode(errors="replace")}')


def parse_line(line: bytes) -> dict[str, Any]:
    """The event of a line, without its checksum.

    Raises:
        DamagedLine: It is no event.
    """
    try:
        event = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DamagedLine(str(error)) from None
    if not isinstance(event, dict) or not isinstance(event.get('event'), str):
        raise DamagedLine('it is no event')
    event.pop('crc', None)
    return event
