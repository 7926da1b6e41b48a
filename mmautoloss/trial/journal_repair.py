"""Repairs a damaged journal: keeps its undamaged lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmautoloss.errors import JournalError
from mmautoloss.trial.appended_file import sync_folder
from mmautoloss.trial.lock import lock_journal
from mmautoloss.trial.read import MISFITS, Reader, complete_lines
from mmautoloss.trial.record import NewerVersion


class Repair(NamedTuple):
    """The result of a repair.

    Attributes:
        path: The journal.
        kept: Number of lines that were kept.
        dropped: Numbers of the other lines, each with the reason.
        original: The unchanged damaged journal; None if nothing was damaged.
    """

    path: Path
    kept: int
    dropped: tuple[tuple[int, str], ...]
    original: Path | None

    def __str__(self) -> str:
        if self.original is None:
            return f'{self.path} is whole: {self.kept} lines, nothing was changed.'
        lines = [f'  line {number}: {reason}' for number, reason in self.dropped[:20]]
        if len(self.dropped) > 20:
            lines.append(f'  and {len(self.dropped) - 20} more')
        summary = (
            f'{self.path}: {self.kept} lines kept, {len(self.dropped)} dropped; as it was, it is {self.original}.'
        )
        return '\n'.join([summary, *lines])


def repair(path: str | Path) -> Repair:
    """Drops the lines of a journal that are damaged, and those that do not fit without them.

    The search repeats a trial whose outcome is lost. After a lost proposal, the later trials no longer fit. The
    damaged journal is kept beside the repaired one as ``journal.damaged-N.jsonl``.

    Raises:
        JournalError: There is no journal, its first line cannot be read, a search is writing it, or the disk fails.
    """
    path = Path(path)
    if not path.is_file():
        raise JournalError(f'There is no journal {path} to repair.')
    lock = lock_journal(path)
    try:
        return _repair(path)
    except OSError as error:
        raise JournalError(f'{path} cannot be repaired: {error.strerror}. It is as it was.') from error
    finally:
        lock.release()


def _repair(path: Path) -> Repair:
    lines = complete_lines(path)
    kept, dropped = _separate(path, lines)
    if not dropped:
        return Repair(path, len(kept), (), None)
    original = _free_name(path)
    os.link(path, original)  # a second name of the damaged journal, before the repaired one replaces it
    repaired = path.with_name(f'.{path.name}')
    with repaired.open('wb') as file:
        file.writelines(line + b'\n' for line in kept)
        file.flush()
        os.fsync(file.fileno())
    repaired.replace(path)
    sync_folder(path.parent)
    return Repair(path, len(kept), tuple(dropped), original)


def _separate(path: Path, lines: Sequence[bytes]) -> tuple[list[bytes], list[tuple[int, str]]]:
    reader = Reader()
    kept: list[bytes] = []
    dropped: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        try:
            reader.read(line)
        except NewerVersion as error:
            raise JournalError(f'{path}, line {number}: {error}.') from None
        except MISFITS as error:
            if number == 1:
                raise JournalError(
                    f'{path}, line 1 is damaged: {error}. It says what is searched, and nothing can be read without it.'
                ) from None
            dropped.append((number, str(error)))
        else:
            kept.append(line)
    return kept, dropped


def _free_name(path: Path) -> Path:
    number = 1
    while (name := path.with_name(f'{path.stem}.damaged-{number}{path.suffix}')).exists():
        number += 1
    return name
