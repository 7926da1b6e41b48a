"""What a person reads of a search of two tasks, from the journal of one."""

from __future__ import annotations

import re
from collections import Counter
from io import StringIO

import pytest
from rich.console import Console

pytest.importorskip('mmengine')

from mmautoloss.report import ConsoleObserver
from mmautoloss.report.facts import Facts, facts_of
from mmautoloss.report.live.standing import scores_text, standing_of
from mmautoloss.report.live.status_page import print_status
from mmautoloss.report.page import build_report
from mmautoloss.report.status import status_of
from mmautoloss.search import Budget
from mmautoloss.trial import History, Record, read_events, read_journal
from tests.isolation import ROOT

JOURNAL = ROOT / 'tests' / 'test_trial' / 'journals' / 'version4_tasks.jsonl'


@pytest.fixture(scope='module')
def record() -> Record:
    return read_journal(JOURNAL)


@pytest.fixture(scope='module')
def facts(record: Record) -> Facts:
    return facts_of(record, record.last_time + 100, lives=False)


def test_console_line_has_the_score_and_the_values(record: Record) -> None:
    file = StringIO()
    observer = ConsoleObserver((), 'gain', console=Console(file=file, width=200), record=record)
    observer.settled(record.history[6], record.history)
    assert re.search(r'-0.5502 +\+0.1818 +1.0 s \(near 0.7055, far 0.3751\)', file.getvalue()), 'far is an error'
    observer.settled(record.history[0], record.history)
    assert re.search(r'0 baseline +1.0 s \(near 0.7091, far 0.3787\)  hand-made losses', file.getvalue())


def test_hand_made_losses_have_no_score_on_the_console_before_the_others_have_begun(record: Record) -> None:
    events = read_events(JOURNAL)
    before = Record()
    before.header = events[0]
    for event in events[1:8]:
        before.apply(event)
    assert [trial.number for trial in before.history.settled()] == [0, 1, 2]
    file = StringIO()
    ConsoleObserver((), 'gain', console=Console(file=file, width=200), record=before).settled(
        before.history[2], before.history
    )
    assert '2 baseline  ' in file.getvalue() and '0.0000' not in file.getvalue()
    standing = standing_of(before.history, Budget(), Counter(), None, 1)
    assert scores_text(standing) == 'no score yet'
    assert status_of(before, before.last_time).baseline is None


def test_status_has_the_mean_of_each_task(facts: Facts) -> None:
    file = StringIO()
    print_status(facts.status, ROOT, Console(file=file, width=200))
    lines = [line.split() for line in file.getvalue().splitlines()]
    assert ['mean', 'by', 'task', 'near', 'far'] in lines
    assert ['hand-made', '0.7371', '0.3743'] in lines and ['best', 'found', '0.7055', '0.3751'] in lines
    assert facts.status.to_json()['best']['tasks'] == {
        'near': pytest.approx(0.7055, abs=1e-4),
        'far': pytest.approx(0.3751, abs=1e-4),
    }


def test_tables_have_a_column_a_task(facts: Facts) -> None:
    trials = facts.tables['trials'].to_json()
    assert [round(row['task far'], 4) for row in trials[:3]] == [0.3787, 0.3656, 0.3785]
    hand_made = facts.tables['finalists'].to_json()[0]
    assert (round(hand_made['mean'], 9), round(hand_made['task near'], 4)) == (0.0, 0.7371)
    assert facts.branches == ('cls', 'box'), 'tasks are no branches'


def test_lines_to_paste_have_the_weight_of_their_task(record: Record, facts: Facts) -> None:
    (finalist,) = build_report(facts, record.history, 'work', 'now', 'report').finalists
    assert [loss.branch for loss in finalist.formulas] == ['cls', 'box']
    assert [(loss.task, loss.branch) for loss in finalist.losses] == [
        *(('near', 'cls'), ('near', 'box'), ('far', 'cls'), ('far', 'box')),
    ]
    assert finalist.weights('box') == '0.5 in near, 0.5 in far'
    assert '# task far, in head.loss_box\nloss_box=dict(' in finalist.config


def test_few_hand_made_trainings_raise_a_doubt(facts: Facts) -> None:
    assert any('3 trainings of each task know only roughly' in doubt for doubt in facts.doubts)
    assert not any('compare.py' in doubt for doubt in facts.doubts), 'which works on one task'


def test_searches_of_one_task_have_no_such_columns() -> None:
    record = read_journal(JOURNAL.with_name('version4_confirmed.jsonl'))
    facts = facts_of(record, record.last_time + 100, lives=False)
    assert not any(column.startswith('task') for table in facts.tables.values() for column in table.columns)
    assert facts.status.best.tasks == {} and isinstance(record.history, History)
