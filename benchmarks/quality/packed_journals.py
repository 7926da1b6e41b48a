r"""Packs journals for docs/results: without paths, host and processes of the machine that searched, and signs of life.

    python benchmarks/quality/packed_journals.py work_dirs/bf1/journal.jsonl \
        docs/results/journals/camvid_held_out_bf1.jsonl.gz
    python benchmarks/quality/packed_journals.py work_dirs/ablation/bccd docs/results/ablation/bccd

The second command packs every search below the folder. The same journal, packed or not, gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mmautoloss.trial.line import DamagedLine, parse_lines, seal

ROOT = Path(__file__).resolve().parents[2]

_FOLDERS = re.compile(r"""(?<![\w./\\])(?:/|[A-Za-z]:\\|~/)(?:[^\s/\\"':]+[/\\])+""")
"""The folders of an absolute path."""

_PLACE = re.compile(r'^([^\s:]+):\d+')
"""Where a worker is: host and process."""

_PROCESS = re.compile(r'\b(process|pid|PID)([ =:]+)\d+')


def pack(journal: Path, out: Path) -> None:
    """Writes a packed copy of a journal, packed or not; a line that a kill cut off is left out.

    Raises:
        DamagedLine: A line is not as it was written.
    """
    content = journal.read_bytes()
    content = gzip.decompress(content) if journal.suffix == '.gz' else content
    events = [event for event, _ in parse_lines(content.split(b'\n')[:-1])]
    hosts = sorted(_hosts(events), key=len, reverse=True)
    lines = [seal(_without_machine(event, hosts)) for event in events if event['event'] != 'beat']
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(b''.join(lines), mtime=0))


def _hosts(events: Iterable[dict[str, Any]]) -> set[str]:
    """The names of all machines that took part."""
    begun = {event['host'] for event in events if event['event'] == 'started'}
    places = [pulse.get('where', '') for event in events if event['event'] == 'beat' for pulse in event['pulses']]
    return begun | {found[1] for found in map(_PLACE.match, places) if found}


def _without_machine(event: dict[str, Any], hosts: Sequence[str]) -> dict[str, Any]:
    if event['event'] == 'started':
        event |= {'host': 'host', 'pid': 0}
    if event.get('reason'):
        event['reason'] = _without_places(event['reason'], hosts)
    return event


def _without_places(text: str, hosts: Sequence[str]) -> str:
    """A text with paths from the package or the file on, and a stand-in for machines and processes."""
    text = _FOLDERS.sub(_inner, text.replace(f'{ROOT}/', ''))
    for host in hosts:
        text = re.sub(rf'(?<![\w.-]){re.escape(host)}:\d+', 'host:0', text)
        text = re.sub(rf'(?<![\w.-]){re.escape(host)}(?![\w-])', 'host', text)
    return _PROCESS.sub(r'\1\g<2>0', text)


def _inner(folders: re.Match[str]) -> str:
    """What of the folders is that of a package."""
    return folders[0].replace('\\', '/').partition('/site-packages/')[2]


def _pairs(source: Path, out: Path) -> Iterator[tuple[Path, Path]]:
    if source.is_file():
        yield source, out
        return
    for journal in sorted(source.rglob('journal.jsonl')):
        yield journal, out / journal.relative_to(source).with_suffix('.jsonl.gz')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='a journal, or a folder of work dirs')
    parser.add_argument('out', type=Path, help='a file that ends in .jsonl.gz, or a folder')
    args = parser.parse_args()
    pairs = list(_pairs(args.source, args.out))
    if not pairs:
        parser.error(f'no journal.jsonl below {args.source}')
    for journal, out in pairs:
        try:
            pack(journal, out)
        except DamagedLine as error:
            parser.error(f'{journal} is damaged: {error}. See mmautoloss status, and mend it with --resume --repair.')
        print(out)


if __name__ == '__main__':
    main()
