"""The driver is killed right after every event of its journal, one after the other; nothing is lost, nothing differs."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import Role, State, read_journal
from tests.test_search.processes import LIMIT, read_events

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='kills as Linux does'),
]


def count_confirmations(work: Path) -> int:
    """How many trials of the last stage have begun."""
    journal = work / 'journal.jsonl'
    return journal.read_text().count(f'"role":"{Role.CONFIRM.value}"') if journal.exists() else 0


def test_killed_after_every_event_it_is_the_unbroken_search(tmp_path: Path) -> None:
    cfg = toy_config(tmp_path, {'budget.max_trials': 2, 'budget.confirm_seeds': 5})
    run_toy(cfg)
    unbroken, work = Path(cfg.work_dir), tmp_path / 'broken'
    sessions, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL and sessions < 100:
        step = 1 if count_confirmations(work) < 3 else 5  # the others are like these
        code = run_to_next_event(tmp_path / 'toy_search.py', work, LIMIT, step)
        sessions += 1
    assert code == 0, 'the last session finds nothing left to do, and ends well'
    record = read_journal(work / 'journal.jsonl')
    events = read_events(work)
    assert events == read_events(unbroken)
    kinds = {event['event'] for event in events}
    assert kinds == {'proposed', 'settled'} and record.ended == 'done'
    first = next(n for n, event in enumerate(events) if event.get('role') == Role.CONFIRM.value)
    assert sessions > first + 4, 'one event a session'
    stages = {Role.BASELINE, Role.KNOWN, Role.SEARCH, Role.FINALIST, Role.CONFIRM}
    assert {trial.role for trial in record.history} == stages, 'in every stage of a search'
    assert {trial.state for trial in record.history} == {State.COMPLETE, State.EQUIVALENT}
    for name in ('best_config.py', 'best_losses.json'):
        assert (work / name).read_text() == (unbroken / name).read_text()
