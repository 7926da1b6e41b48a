"""Packs journals for docs/results: without paths, host and processes of the machine that searched, and signs of life.

    python benchmarks/pack.py work_dirs/bf1/journal.jsonl docs/results/journals/camvid_held_out_bf1.jsonl.gz
    python benchmarks/pack.py work_dirs/ablation/bccd docs/results/ablation/bccd    # every search below the folder

The same journal gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmautoloss.trial.line import DamagedLine, parse_lines, seal

ROOT = Path(__file__).resolve().parents[1]

_BEFORE_PACKAGES = re.compile(r'[^"\s]*/site-packages/')


def pack(journal: Path, out: Path) -> None:
    """Writes a packed copy of a journal; a line that a kill cut off is left out.

    Raises:
        DamagedLine: A line is not as it was written.
    """
    events = parse_lines(journal.read_bytes().split(b'\n')[:-1])
    lines = [seal(_without_machine(event)) for event, _ in events if event['event'] != 'beat']
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(gzip.compress(b''.join(lines), mtime=0))


def _without_machine(event: dict[str, Any]) -> dict[str, Any]:
    if event['event'] == 'started':
        event |= {'host': 'host', 'pid': 0}
    if event.get('reason'):
        event['reason'] = _BEFORE_PACKAGES.sub('', event['reason'].replace(f'{ROOT}/', ''))
    return event


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
