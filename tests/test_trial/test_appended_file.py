"""A disk that is full or fails, and work dirs that vanish: what was written is never lost."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest

from mmautoloss.errors import JournalError
from mmautoloss.trial import Journal, Outcome, Role, State, Trial, read_journal
from tests.test_trial.children import HEADER, answer_of

Make = Callable[..., Trial]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'work' / 'journal.jsonl'


@pytest.fixture
def journal(path: Path, make_trial: Make) -> Journal:
    """An open journal with trial 0 settled and trial 1 running."""
    journal = Journal(path, HEADER, {})
    journal.begin(1, 30.0, {})
    journal.propose(make_trial(0))
    journal.settle(0, Outcome(State.COMPLETE, 0.5), 1.0)
    journal.propose(make_trial(1))
    yield journal
    journal.close()


def reopened(path: Path) -> Journal:
    journal = Journal(path, HEADER, {}, resume=True)
    journal.close()
    return journal


def write_until_full(path: Path, more: int, answers: SimpleQueue) -> None:
    """Writes to a file that may grow by a few bytes only, then gets room and goes on."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = Journal(path, HEADER, {}, resume=True)
    before, written, write = path.read_bytes(), [], os.write

    def watched(descriptor: int, content: memoryview) -> int:
        written.append(write(descriptor, content))
        return written[-1]

    os.write = watched
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + more, hard))
    try:
        journal.settle(1, Outcome(State.COMPLETE, 0.25), 2.0)
    except JournalError as error:
        told = str(error)
    unchanged = path.read_bytes() == before and journal.history[1].outcome is None
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    journal.settle(1, Outcome(State.COMPLETE, 0.75), 3.0)
    journal.close()
    answers.put((told, unchanged, written))


@pytest.mark.parametrize('more', [1, 60, 120])
def test_full_disk(journal: Journal, path: Path, more: int) -> None:
    journal.close()
    told, unchanged, written = answer_of(write_until_full, path, more)
    assert written[0] == more, 'a part of the line was on the disk'
    assert unchanged, 'and was taken off it, and the trial still runs'
    for part in (str(path), os.strerror(errno.EFBIG), 'MiB are free', 'free space', '--resume'):
        assert part in told
    assert [trial.score for trial in reopened(path).history] == [0.5, 0.75]


def test_disk_that_fails_to_sync(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, 'fsync', broken)
        with pytest.raises(JournalError, match=r'journal.jsonl cannot be written: Input/output error.*--resume'):
            journal.settle(1, Outcome(State.COMPLETE, 0.25), 2.0)
    assert path.read_bytes() == before
    journal.end('done')
    assert read_journal(path).history[1].outcome is None


def test_interrupted_write_leaves_no_part(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, 'fsync', interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.settle(1, Outcome(State.COMPLETE, 0.25), 2.0)
    journal.end('interrupted')
    record = read_journal(path)
    assert (record.ended, record.history[1].outcome) == ('interrupted', None)


def settle_lost(journal: Journal) -> str:
    """Settles trial 1 and gives the error."""
    with pytest.raises(JournalError) as caught:
        journal.settle(1, Outcome(State.COMPLETE, 0.25), 2.0)
    return str(caught.value)


def test_deleted_folder_is_made_again(journal: Journal, path: Path) -> None:
    shutil.rmtree(path.parent)
    told = settle_lost(journal)
    assert f'{path} was deleted' in told and f'now in {path}: continue with --resume' in told
    assert [trial.score for trial in read_journal(path).history] == [0.5, 0.25], 'with the outcome just measured'
    journal.close()
    again = Journal(path, HEADER, {}, resume=True)
    assert again.attempts(0) == again.attempts(1) == 0, 'nothing was running any more'
    again.propose(Trial(2, Role.BASELINE, seed=1))
    again.close()


def test_moved_folder(journal: Journal, path: Path) -> None:
    moved = path.parent.rename(path.parent.with_name('elsewhere'))
    settle_lost(journal)
    assert read_journal(path).history[1].score == 0.25
    assert read_journal(moved / path.name).history[1].outcome is None


def test_file_of_another_search_is_left_alone(journal: Journal, path: Path) -> None:
    other = path.with_name('other.jsonl')
    Journal(other, {'seed': 1}, {}).close()
    content = other.read_bytes()
    other.replace(path)
    told = settle_lost(journal)
    assert path.read_bytes() == content
    folder = Path(told.partition('--work-dir ')[2].partition(' and --resume')[0])
    assert f'{path} was replaced' in told and folder.parent == path.parent.parent != folder
    assert [trial.score for trial in reopened(folder / path.name).history] == [0.5, 0.25]


def test_file_in_place_of_the_folder(journal: Journal, path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text('in the way')
    told = settle_lost(journal)
    folder = Path(told.partition('--work-dir ')[2].partition(' and --resume')[0])
    assert read_journal(folder / path.name).history[1].score == 0.25
    assert path.parent.read_text() == 'in the way'


def test_nothing_that_follows_is_lost_either(journal: Journal, path: Path) -> None:
    """One thread may hear of it first while another one still brings an outcome."""
    shutil.rmtree(path.parent)
    with pytest.raises(JournalError, match='was deleted'):
        journal.beat([], 2.0)
    assert 'was deleted' in settle_lost(journal)
    assert read_journal(path).history[1].score == 0.25


def test_no_place_at_all(journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_text('in the way')

    def full(**options: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile, 'mkdtemp', full)
    assert 'cannot be written again: No space left on device' in settle_lost(journal)
    monkeypatch.undo()
    assert '--work-dir' in settle_lost(journal), 'the content is still there for a later try'


def below_a_file(folder: Path) -> Path:
    (folder / 'file').write_text('')
    return folder / 'file' / 'journal.jsonl'


def a_folder(folder: Path) -> Path:
    (folder / 'journal.jsonl').mkdir()
    return folder / 'journal.jsonl'


def a_locked_folder(folder: Path) -> Path:
    folder.chmod(0o500)
    return folder / 'journal.jsonl'


ROOT = hasattr(os, 'geteuid') and os.geteuid() == 0


@pytest.mark.parametrize(
    'place',
    [
        below_a_file,
        a_folder,
        pytest.param(a_locked_folder, marks=pytest.mark.skipif(ROOT, reason='root may write anywhere')),
    ],
)
@pytest.mark.parametrize('resume', [False, True])
def test_place_that_cannot_be_written(tmp_path: Path, place: Callable[[Path], Path], resume: bool) -> None:
    path = place(tmp_path)
    with pytest.raises(JournalError, match=rf'{path} cannot be (written|read): \w+'):
        Journal(path, HEADER, {}, resume)
