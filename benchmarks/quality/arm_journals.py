"""The journals of an ablation: one a search, in a folder a seed, an arm and a set; packed ones too."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

from arms import ARMS

from mmautoloss.trial import Record
from mmautoloss.trial.read import record_of


@dataclass(frozen=True)
class Arm:
    """The searches of one arm on one set, one a seed.

    Attributes:
        set: Name of the set: that of the folder.
        name: Name of the arm.
        records: What the journals say, by seed.
    """

    set: str
    name: str
    records: tuple[Record, ...]

    @classmethod
    def read(cls, folder: Path, name: str) -> Arm:
        """The searches of an arm in the folder of a set that have begun."""
        records = [read_record(path) for path in sorted((folder / name).glob('*/journal.jsonl*'))]
        return cls(folder.name, name, tuple(record for record in records if record.header))


def read_arms(folder: Path) -> list[Arm]:
    """The arms that have a search in the folder of a set: in the order of ``arms.ARMS``, then those it has no more."""
    names = {path.parents[1].name for path in folder.glob('*/*/journal.jsonl*')}
    return [Arm.read(folder, name) for name in [*(n for n in ARMS if n in names), *sorted(names - ARMS.keys())]]


def read_record(path: Path) -> Record:
    """What a journal says, also a packed one (``journal.jsonl.gz``)."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == '.gz' else path.read_bytes()
    return record_of(path, content.split(b'\n')[:-1])
