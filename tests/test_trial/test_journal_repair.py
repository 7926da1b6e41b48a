"""A damaged journal: what is whole goes on, and the damaged one is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmautoloss.errors import JournalError
from mmautoloss.trial import Journal, Outcome, Role, State, Trial, read_journal, repair

Damage = Callable[[int], bytes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal: search, started, +0, -0, +1, +2, -1, beat, -2, ended."""
    path = tmp_path / 'journal.jsonl'
    journal = Journal(path, {'seed': 0}, {})
    journal.begin(2, 30.0, {})
    journal.propose(Trial(0, Role.BASELINE, 0))
    journal.settle(0, Outcome(State.COMPLETE, 0.5), 1.0)
    journal.propose(Trial(1, Role.BASELINE, 1))
    journal.propose(Trial(2, Role.BASELINE, 2))
    journal.settle(1, Outcome(State.COMPLETE, 0.25), 2.0)
    journal.beat([], 2.5)
    journal.settle(2, Outcome(State.COMPLETE, 0.75), 3.0)
    journal.end('done')
    journal.close()
    return path


def flip(path: Path, number: int) -> bytes:
    """Alters a digit of a line, so that it is still JSON; gives the damaged content."""
    lines = path.read_bytes().splitlines(keepends=True)
    place = lines[number - 1].index(b'"time":') + 10
    digit = b'4' if lines[number - 1][place : place + 1] != b'4' else b'5'
    lines[number - 1] = lines[number - 1][:place] + digit + lines[number - 1][place + 1 :]
    path.write_bytes(b''.join(lines))
    return path.read_bytes()


@pytest.mark.parametrize(
    ('number', 'dropped', 'scores'),
    [
        pytest.param(7, [7], [0.5, None, 0.75], id='a lost outcome is measured again'),
        pytest.param(8, [8], [0.5, 0.25, 0.75], id='a lost beat is no loss'),
        pytest.param(6, [6, 9], [0.5, 0.25], id='without its proposal an outcome does not fit'),
        pytest.param(5, [5, 6, 7, 9], [0.5], id='nor do the trials after a lost one'),
        pytest.param(2, [2, 10], [0.5, 0.25, 0.75], id='a session that never began does not end'),
    ],
)
def test_what_fits_is_kept(path: Path, number: int, dropped: list[int], scores: list[float | None]) -> None:
    damaged = flip(path, number)
    with pytest.raises(JournalError, match=rf'line {number} is damaged: its checksum is .*--resume --repair'):
        read_journal(path)
    report = repair(path)
    assert [line for line, _ in report.dropped] == dropped and report.kept == 10 - len(dropped)
    assert report.original.name == 'journal.damaged-1.jsonl' and report.original.read_bytes() == damaged
    assert f'line {number}: its checksum' in str(report)
    record = read_journal(path)
    assert [trial.score for trial in record.history] == scores
    journal = Journal(path, {'seed': 0}, {}, resume=True)
    journal.propose(Trial(len(scores), Role.BASELINE, 7))
    journal.close()


def test_whole_journal_is_left_alone(path: Path) -> None:
    before = path.stat()
    report = repair(path)
    assert report.original is None and 'is whole: 10 lines' in str(report)
    assert path.stat().st_mtime_ns == before.st_mtime_ns and len(list(path.parent.glob('*.jsonl'))) == 1


def test_each_damaged_journal_is_kept(path: Path) -> None:
    flip(path, 8)
    repair(path)
    flip(path, 7)
    assert repair(path).original.name == 'journal.damaged-2.jsonl'


def test_torn_last_line_is_no_damage(path: Path) -> None:
    with path.open('ab') as file:
        file.write(b'{"event":"sett')
    assert repair(path).original is None


def test_what_cannot_be_repaired(path: Path) -> None:
    journal = Journal(path, {'seed': 0}, {}, resume=True)
    journal.begin(2, 30.0, {})
    with pytest.raises(JournalError, match='Another search is writing'):
        repair(path)
    journal.close()
    flip(path, 1)
    with pytest.raises(JournalError, match=r'line 1 is damaged(.*)nothing can be read without it'):
        repair(path)
    with pytest.raises(JournalError, match='There is no journal'):
        repair(path.with_name('none.jsonl'))


def test_crash_in_the_midst_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = flip(path, 7)

    def crash(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'replace', crash)
        with pytest.raises(KeyboardInterrupt):
            repair(path)
    assert path.read_bytes() == damaged
    assert repair(path).original.read_bytes() == damaged
    assert len(read_journal(path).history) == 3
