"""One line of a journal: an event as JSON, with a checksum that reveals changes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

VERSION = 4
"""Version of the format that is written; lines without a checksum are of version 1."""

_MARK = b',"crc":"'
_END = b'"}'
_HEX = 8 + len(_END)
_TAIL = len(_MARK) + _HEX
_BLOCK = 256


class DamagedLine(ValueError):
    """A line that differs from what was written."""


def seal(event: dict[str, Any]) -> bytes:
    """The line of an event, with its line end.

    Example:
        >>> seal({'event': 'ended', 'reason': 'done'})
        b'{"event":"ended","reason":"done","crc":"44a0fb7d"}\\n'
    """
    text = json.dumps(event, allow_nan=False, separators=(',', ':'))[:-1].encode()
    return b'%b%b%08x%b\n' % (text, _MARK, zlib.crc32(text), _END)


def is_sealed(line: bytes) -> bool:
    """Whether a line has a checksum.

    Raises:
        DamagedLine: The checksum is wrong.
    """
    if line[-_TAIL:-_HEX] != _MARK or line[-2:] != _END:
        return False
    actual, expected = b'%08x' % zlib.crc32(memoryview(line)[:-_TAIL]), line[-_HEX:-2]
    if actual != expected:
        raise DamagedLine(f'its checksum is {actual.decode()}, but it should be {expected.decode(errors="replace")}')
    return True


def parse_line(line: bytes) -> dict[str, Any]:
    """The event of a line, without its checksum.

    Raises:
        DamagedLine: The line is not an event.
    """
    try:
        event = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise DamagedLine(str(error)) from None
    if not isinstance(event, dict) or not isinstance(event.get('event'), str):
        raise DamagedLine('it is no event')
    event.pop('crc', None)
    return event


def parse_lines(lines: Iterable[bytes]) -> Iterator[tuple[dict[str, Any], bool]]:
    """The events of lines, and whether each had a checksum; parsed in blocks, which saves time and memory.

    Raises:
        DamagedLine: The next line is damaged.
    """
    remaining = iter(lines)
    while block := list(islice(remaining, _BLOCK)):
        if _all_sealed(block):
            for event in json.loads(b'[%b]' % b','.join(block)):
                event.pop('crc')
                yield event, True
        else:
            for line in block:
                yield parse_line(line), is_sealed(line)


def _all_sealed(lines: Iterable[bytes]) -> bool:
    try:
        return all(map(is_sealed, lines))
    except DamagedLine:  # reported when the lines are parsed one by one
        return False
