"""A search of two tasks that is killed after every third event of its journal is the unbroken one."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.testing.killed_searches import run_to_next_event
from mmautoloss.testing.toy_searches import run_toy, tasks_config
from mmautoloss.trial import Role, read_journal
from tests.test_search.processes import LIMIT, read_events

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='kills as Linux does'),
]


def test_killed_after_every_third_event_it_is_the_unbroken_search(tmp_path: Path) -> None:
    budget = {'budget.max_trials': 1, 'budget.finalists': 1, 'budget.finalist_repeats': 1}
    cfg = tasks_config(tmp_path, {**budget, 'screen.engine': 'plain', 'screen.steps': 8})
    run_toy(cfg)
    unbroken, work = Path(cfg.work_dir), tmp_path / 'broken'
    sessions, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL and sessions < 100:
        code = run_to_next_event(tmp_path / 'tasks_search.py', work, LIMIT, events=3)
        sessions += 1
    assert code == 0
    events = read_events(work)
    assert events == read_events(unbroken), 'with the same yardstick and the same values'
    assert sessions > len(events) / 4
    records = [read_journal(folder / 'journal.jsonl').history for folder in (work, unbroken)]
    assert [trial.score for trial in records[0]] == [trial.score for trial in records[1]]
    assert Role.SEARCH in {trial.role for trial in records[0]}
    for task in ('near', 'far'):
        for name in (f'best_config_{task}.py', f'best_losses_{task}.json'):
            assert (work / name).read_text() == (unbroken / name).read_text()
