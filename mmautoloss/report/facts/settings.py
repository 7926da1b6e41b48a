"""The settings of a search and the versions of the software."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mmautoloss.report.facts.table import Table
from mmautoloss.trial import Record

COLUMNS = ('part', 'setting', 'value')
_NOT_SETTINGS = ('event', 'time', 'version', 'crc', 'info', 'config')


def settings_of(record: Record) -> Table:
    """Settings by part: the search, the budget of the last session, versions, digests of the config's parts."""
    header = record.header
    budget = record.sessions[-1].budget if record.sessions else {}
    parts = {
        'search': {key: value for key, value in header.items() if key not in _NOT_SETTINGS},
        'budget': budget,
        'versions': {**_last_info(record), 'journal': header['version']},
        'digest': header.get('config') or {},
    }
    return Table(COLUMNS, tuple((part, *row) for part, entries in parts.items() for row in _flat(entries)))


def _last_info(record: Record) -> Mapping[str, Any]:
    return (record.sessions[-1].info if record.sessions else None) or record.header.get('info') or {}


def _flat(entries: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, str]]:
    for key, value in entries.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield prefix + key, value if isinstance(value, str) else json.dumps(value)
