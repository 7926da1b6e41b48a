"""Who drove a search, what its workers did, and how often it died."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmautoloss.errors import JournalError
from mmautoloss.trial import Journal, Outcome, Pulse, State, Trial, read_journal
from mmautoloss.trial.line import VERSION, seal
from tests.test_trial.conftest import HEADER, complete

Open = Callable[..., Journal]
Make = Callable[..., Trial]

PULSES = [
    Pulse('local-0', 1, 'train', 17, 0.25, 'node7:4711 GPU 2'),
    Pulse('local-1', None, 'start', 0, 3.5, 'node7:4712 GPU 3'),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / 'journal.jsonl'


def events(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_session_from_begin_to_end(open_journal: Open, make_trial: Make, path: Path) -> None:
    before = round(time.time(), 3)
    journal = open_journal()
    journal.begin(4, 12.5, {'max_trials': 9})
    journal.propose(make_trial(0))
    journal.beat(PULSES, 3.0)
    record = read_journal(path)
    (session,) = record.sessions
    assert (session.host, session.pid) == (socket.gethostname(), os.getpid())
    assert (session.slots, session.heartbeat, session.budget) == (4, 12.5, {'max_trials': 9})
    assert session.info == {'torch': '2'} and session.reason is record.ended is None and not session.ended
    assert list(record.pulses) == PULSES and record.elapsed == 3.0
    assert before <= session.began <= record.beat_time == record.last_time == session.last <= time.time() + 0.001
    journal.settle(0, complete(0.5), 5.0)
    journal.end('done')
    record = read_journal(path)
    assert record.ended == record.sessions[0].reason == 'done' and not record.sessions[0].died
    assert record.beat_time <= record.settled_time[0] <= record.last_time
    assert record.settled_elapsed == {0: 5.0} and record.elapsed == 5.0


def test_every_line_tells_its_time_and_checksum(open_journal: Open, make_trial: Make, path: Path) -> None:
    journal = open_journal()
    journal.begin(1, 30.0, {})
    journal.propose(make_trial(0))
    journal.settle(0, complete(0.5), 5.0)
    journal.beat([], 6.0)
    journal.end('done')
    written = events(path)
    assert [event['event'] for event in written] == ['search', 'started', 'proposed', 'settled', 'beat', 'ended']
    assert [list(event)[-1] for event in written] == ['crc'] * 6
    times = [event['time'] for event in written]
    assert times == sorted(times) and all(round(time, 3) == time for time in times)
    assert (written[0]['version'], written[1]['version']) == (VERSION, VERSION)


def test_resume_forgets_the_pulses_of_the_dead(open_journal: Open, path: Path) -> None:
    journal = open_journal()
    journal.begin(2, 30.0, {})
    journal.beat(PULSES, 7.0)
    journal.close()
    again = open_journal(resume=True)
    assert again.elapsed == 7.0, 'the time of what was lost counts, too'
    again.begin(2, 30.0, {})
    record = read_journal(path)
    assert (record.pulses, record.beat_time, record.elapsed) == ((), None, 7.0)
    assert [session.died for session in record.sessions] == [True, False]


def die(open_journal: Open, *trials: Trial, slots: int = 1, settle: int | None = None) -> Journal:
    """A session that proposes, settles perhaps one, and is gone without an end."""
    journal = open_journal(resume=True)
    journal.begin(slots, 30.0, {})
    for trial in trials:
        journal.propose(trial)
    if settle is not None:
        journal.settle(settle, complete(0.5), 1.0)
    journal.close()
    return open_journal(resume=True)


def attempts(journal: Journal) -> list[int]:
    counts = [journal.attempts(number) for number in range(len(journal.history) + 1)]
    journal.close()
    return counts


def test_attempts_count_the_deaths_while_a_trial_ran(open_journal: Open, make_trial: Make) -> None:
    assert attempts(die(open_journal)) == [0]
    assert attempts(die(open_journal, make_trial(0))) == [1, 0]
    assert attempts(die(open_journal)) == [2, 0], 'it was begun again'
    assert attempts(die(open_journal, settle=0)) == [2, 0]
    journal = die(open_journal, make_trial(1))
    assert journal.attempts(1) == 1, 'before a session begins'
    journal.begin(1, 30.0, {})
    assert attempts(journal) == [2, 1, 0], 'and after, once'


def test_trials_that_wait_for_a_slot_did_not_run(open_journal: Open, make_trial: Make) -> None:
    """Of three that four workers left behind, one process trains the first, and dies of it."""
    trials = [make_trial(number) for number in range(3)]
    assert attempts(die(open_journal, *trials, slots=4)) == [1, 1, 1, 0]
    assert attempts(die(open_journal)) == [2, 1, 1, 0]
    assert attempts(die(open_journal, settle=0)) == [2, 2, 1, 0]


def test_end_is_no_death(open_journal: Open, make_trial: Make) -> None:
    journal = open_journal()
    journal.begin(1, 30.0, {})
    journal.propose(make_trial(0))
    journal.end('interrupted')
    journal.close()
    again = open_journal(resume=True)
    assert again.attempts(0) == 0
    again.begin(1, 30.0, {})
    assert again.attempts(0) == 0


def test_start_without_any_trial_may_be_begun_anew(open_journal: Open, path: Path) -> None:
    journal = open_journal(metric='toy/scoer')
    journal.begin(1, 30.0, {})
    journal.beat(PULSES, 1.0)
    journal.end('no such metric')
    journal.close()
    open_journal().close()
    assert [event['metric'] for event in events(path)] == ['toy/score']


def test_outcome_keeps_stages_worker_and_attempts(open_journal: Open, make_trial: Make, path: Path) -> None:
    outcome = Outcome(
        State.FAILED, seconds=2.5, reason='worker died: 3', stages={'train': 2.5}, worker='a', attempts=3
    )
    journal = open_journal()
    journal.propose(make_trial(0))
    journal.settle(0, outcome, 3.0)
    assert read_journal(path).history[0].outcome == outcome


@pytest.mark.parametrize(
    'event',
    [
        pytest.param({'event': 'ended', 'reason': 'done'}, id='end without a session'),
        pytest.param({'event': 'started', 'version': 2}, id='start without a host'),
        pytest.param({'event': 'started', 'version': '2'}, id='version that is no number'),
        pytest.param({'event': 'beat', 'pulses': [{'who': 1}], 'elapsed': 1.0}, id='pulse of nobody'),
        pytest.param({'event': 'beat', 'elapsed': 1.0}, id='beat without pulses'),
        pytest.param({'event': 'settled', 'number': 0, 'elapsed': 1.0, 'state': 'lost'}, id='state'),
    ],
)
def test_event_that_makes_no_sense(open_journal: Open, make_trial: Make, path: Path, event: dict) -> None:
    journal = open_journal()
    journal.propose(make_trial(0))
    journal.close()
    path.write_bytes(path.read_bytes() + seal({'time': 1.0, **event}))
    with pytest.raises(JournalError, match='line 3 is damaged'):
        read_journal(path)


def test_header_may_have_any_key(tmp_path: Path) -> None:
    header = {**HEADER, 'kind': 'x', 'path': 'y', 'self': 'z'}
    path = tmp_path / 'other.jsonl'
    Journal(path, header, {}).close()
    assert read_journal(path).header['kind'] == 'x'
    Journal(path, header, {}, resume=True).close()
