"""The journal: what is written, what is read back, what is refused."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mmautoloss.errors import JournalError
from mmautoloss.trial import Journal, Outcome, Role, State, Trial, read_history, read_journal
from mmautoloss.trial.line import seal
from tests.test_trial.conftest import complete

FAILED = Outcome(State.FAILED, reason='Traceback\n  boom')
Open = Callable[..., Journal]
Make = Callable[..., Trial]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'journal.jsonl'


@pytest.fixture
def written(open_journal: Open, make_trial: Make, path: Path) -> Path:
    """A closed journal of a header and six events: 2 is proposed and not settled."""
    journal = open_journal()
    for number, outcome in enumerate([complete(0.5, seconds=1.5), FAILED]):
        journal.propose(make_trial(number, weights={'cls': 1 / 3}, funnel={'accepted': 2}))
        journal.settle(number, outcome, elapsed=2.0 * (number + 1))
    journal.propose(make_trial(2, Role.FINALIST, repeats=0, parent=0, origin='repeat'))
    journal.close()
    return path


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_every_event_comes_back(written: Path, open_journal: Open) -> None:
    header, history = read_history(written)
    assert (header['event'], header['seed'], header['info']) == ('search', 0, {'torch': '2'})
    assert [trial.state.value for trial in history] == ['complete', 'failed', 'running']
    assert history[0].outcome == complete(0.5, seconds=1.5)
    assert history[1].outcome == FAILED
    assert history[0].weights == {'cls': 1 / 3}
    assert history[2].repeats == 0
    journal = open_journal(resume=True)
    assert list(journal.history) == list(history)
    assert journal.elapsed == 4.0


def test_a_new_journal_knows_its_header_as_one_that_is_read_does(path: Path, open_journal: Open) -> None:
    journal = open_journal()
    try:
        assert journal.record.header == read_journal(path).header and journal.record.header['event'] == 'search'
    finally:
        journal.close()


def test_events_are_on_disk_at_once(
    open_journal: Open, make_trial: Make, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # not its folder
            synced.append(len(lines(path)))
        sync(descriptor)

    monkeypatch.setattr(os, 'fsync', watched)
    journal = open_journal()
    journal.propose(make_trial(0))
    assert json.loads(lines(path)[-1])['event'] == 'proposed'
    journal.settle(0, FAILED, elapsed=1.0)
    assert json.loads(lines(path)[-1])['event'] == 'settled'
    assert synced == [1, 2, 3], 'the whole line was there when the disk was told'


@pytest.mark.parametrize('kept', [1, 20, -2], ids=['one byte', 'half a line', 'no line end'])
def test_torn_last_line_is_cut_and_the_search_goes_on(
    written: Path, open_journal: Open, make_trial: Make, kept: int
) -> None:
    whole = written.read_bytes()
    torn = json.dumps({'event': 'settled', 'number': 2, 'reason': 'x' * 40}).encode()
    written.write_bytes(whole + torn[:kept])
    assert len(read_history(written)[1].running()) == 1, 'a reader leaves the torn line out'
    journal = open_journal(resume=True)
    assert written.read_bytes() == whole
    journal.settle(2, complete(0.25), elapsed=9.0)
    journal.propose(make_trial(3))
    _, history = read_history(written)
    assert history[2].score == 0.25 and len(history) == 4


def test_torn_header_is_no_search(path: Path, open_journal: Open) -> None:
    path.write_text('{"event": "sea')
    assert len(open_journal(resume=True).history) == 0
    assert json.loads(lines(path)[0])['event'] == 'search'


SEALED = seal({'event': 'mystery'}).decode().strip()[len('{"event":"mystery"') :]
DAMAGE = [
    pytest.param(2, '{"event": "settled"', 'line 2 is damaged', id='no JSON'),
    pytest.param(3, '{"event":"mystery"}', "line 3 .*unknown event 'mystery'", id='event'),
    pytest.param(3, '[1]', 'line 3 is damaged', id='list'),
    pytest.param(4, '{"event": "proposed", "number": 7}', 'line 4 is damaged', id='keys'),
    pytest.param(1, '{"event": "search"', 'line 1 is damaged', id='header'),
    pytest.param(1, '[]', 'line 1', id='no header'),
    pytest.param(1, '{"event": "search", "version": 99}', 'version 1', id='version'),
]


@pytest.mark.parametrize(('number', 'text', 'error'), DAMAGE)
def test_other_damage_is_an_error_with_its_line(
    written: Path, open_journal: Open, number: int, text: str, error: str
) -> None:
    content = lines(written)
    content[number - 1] = text.replace('}', SEALED, 1) if 'mystery' in text else text
    written.write_text('\n'.join(content) + '\n')
    with pytest.raises(JournalError, match=error):
        open_journal(resume=True)
    with pytest.raises(JournalError, match=error):
        read_history(written)


def test_lost_proposal_is_an_error(written: Path, open_journal: Open) -> None:
    content = lines(written)
    written.write_text('\n'.join([content[0], *content[2:]]) + '\n')
    with pytest.raises(JournalError, match='line 2 is damaged: Trial 0 is not running'):
        open_journal(resume=True)


def test_other_search_is_refused_with_the_key(written: Path, open_journal: Open) -> None:
    with pytest.raises(JournalError, match="metric was 'toy/score', now it is 'toy/error'"):
        open_journal(resume=True, metric='toy/error')
    open_journal(resume=True)  # the refused one let go of the file


def test_existing_search_needs_resume(written: Path, open_journal: Open) -> None:
    before = written.read_bytes()
    with pytest.raises(JournalError, match=r'already holds a search.*--resume.*--work-dir'):
        open_journal()
    assert written.read_bytes() == before


def test_start_that_failed_early_is_no_obstacle(path: Path, open_journal: Open) -> None:
    """A misspelt metric ends a search before its first trial; the mended one may begin."""
    open_journal(metric='toy/scoer').close()
    open_journal().close()
    assert [json.loads(line)['metric'] for line in lines(path)] == ['toy/score']


def test_one_owner_at_a_time(written: Path, open_journal: Open) -> None:
    first = open_journal(resume=True)
    first.begin(1, 30.0, {})
    with pytest.raises(JournalError, match='Another search is writing'):
        open_journal(resume=True)
    first.close()
    open_journal(resume=True)


def test_header_of_tuples_is_the_same_as_of_lists(open_journal: Open) -> None:
    open_journal(known=({'cls': 'ce'},)).close()
    open_journal(resume=True, known=({'cls': 'ce'},)).close()
    open_journal(resume=True, known=[{'cls': 'ce'}])


def test_no_journal_is_an_error(path: Path) -> None:
    with pytest.raises(JournalError, match='There is no search in'):
        read_history(path)
