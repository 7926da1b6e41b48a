"""What stopping would have cost and saved; numbers are worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.__main__ import main
from mmautoloss.errors import SetupError
from mmautoloss.report.rung_savings import rungs_of
from mmautoloss.report.statistics import interval
from mmautoloss.trial import History, Journal, Outcome, Record, Role, State, Trial, read_journal

PROXY = {'schedule': {'type': 'IterBasedTrainLoop', 'max_iters': 100}, 'rung': {'at': 25, 'watch': True}}
STAGES = {'train': 8.0, 'rung': 1.0, 'validate': 1.0}
PAIRS = [(4, 8), (5, 7), (1, 9), (2, 1), (3, 2), (6, 10), (7, 6), (0, 0)]
"""Scores at the rung and in the end; the third, bad at the rung, is the second best in the end."""


SILENT = 'The validation gave no x, only: nothing.'
BLOWN = 'not finite: a weight of the model at the rung'
ODD = Outcome(State.COMPLETE, 99.0, stages=STAGES)


class Counted(float):
    """A number that counts how often it is compared."""

    compared = 0

    def __lt__(self, other: float) -> bool:
        Counted.compared += 1
        return float(self) < float(other)

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return float(self) == other

    __hash__ = float.__hash__


def write(path: Path, proxy: dict = PROXY, state: State = State.COMPLETE) -> Record:
    journal = Journal(path, {'metric': 'x', 'proxy': proxy}, {})
    journal.begin(1, 30.0, {})
    for number, (rung, score) in enumerate(PAIRS):
        journal.propose(Trial(number, Role.SEARCH, 0, settled_before=number))
        score = score if state is State.COMPLETE else None
        journal.settle(number, Outcome(state, score, seconds=10.0, stages=STAGES, rung=float(rung)), 10.0)
    journal.propose(Trial(8, Role.SEARCH, 0, settled_before=8))
    journal.settle(8, Outcome(State.FAILED, reason='not finite: x', seconds=1.0), 10.0)
    journal.close()
    return read_journal(path)


def test_rows(tmp_path: Path) -> None:
    rungs = rungs_of([write(tmp_path / 'journal.jsonl')], keeps=[0.5], least=2)
    assert (rungs.searches, rungs.trained, rungs.with_rung, rungs.failed) == (1, 8, 8, 1)
    assert rungs.rung_seconds == 0.1
    assert rungs.correlation == pytest.approx(1 - 6 * 46 / (8 * 63)), 'Spearman: squares of the differences of ranks'
    (row,) = rungs.rows
    # bars: -, -, 5, 4, 4, 3, 4, 4
    assert (row.stopped, row.top_stopped, row.top, row.best_stopped) == (4, 1, 5, 0)
    assert row.error == 0.25 and row.error_range == interval(1, 4)
    saved = 4 * (0.75 * 8 + 1) - 8 * 1
    assert row.saved == pytest.approx(saved / (80 - 8))


def test_those_without_a_score_are_counted_and_would_have_been_stopped(tmp_path: Path) -> None:
    """Trial 1 had none before there was a bar; trials 5 and 6 would have been stopped, the best one among them."""
    record = write(tmp_path / 'journal.jsonl')
    for number in (1, 5, 6):
        record.history[number].outcome.__dict__['rung'] = None
    failed = [Outcome(State.FAILED, reason=reason, stages={'rung': 1.0}) for reason in (SILENT, BLOWN)]
    for number, outcome in enumerate([*failed, Outcome(State.FAILED, reason=SILENT)], 9):
        record.history.add(Trial(number, Role.SEARCH, 0, settled_before=number))
        record.history.settle(number, outcome)
    rungs = rungs_of([record], keeps=[0.5], least=2)
    assert (rungs.trained, rungs.with_rung, rungs.failed) == (8, 5, 4)
    assert (rungs.unscored, rungs.unscored_trained, rungs.unscored_top) == (4, 3, 3)
    (row,) = rungs.rows
    # bars: -, -, -, 4, 2, 3, 3, 3, of the scores 4, 1, 2, 3
    assert (row.stopped, row.top_stopped, row.best_stopped) == (4, 2, 1)


def test_those_without_a_score_have_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'journal.jsonl')
    assert main(['rungs', str(tmp_path)]) == 0
    assert 'had no score' not in capsys.readouterr().out
    journal = Journal(tmp_path / 'journal.jsonl', {'metric': 'x', 'proxy': PROXY}, {}, resume=True)
    journal.begin(1, 30.0, {})
    for number, outcome in enumerate([Outcome(State.FAILED, reason=SILENT, stages=STAGES), ODD], 9):
        journal.propose(Trial(number, Role.SEARCH, 0, settled_before=number))
        journal.settle(number, outcome, 10.0)
    journal.close()
    assert main(['rungs', str(tmp_path)]) == 0
    line = '2 had no score at the rung and went on, since nothing was stopped: '
    line += '1 had one in the end (1 among the best five), 1 failed'
    assert line in capsys.readouterr().out.splitlines()


def test_work_grows_no_faster_than_sorting(tmp_path: Path) -> None:
    count = 400
    Counted.compared = 0
    history = History()
    for number in range(count):
        history.add(Trial(number, Role.SEARCH, 0, settled_before=number))
        score = Counted(number * 7919 % count)
        history.settle(number, Outcome(State.COMPLETE, score, stages=STAGES, rung=score))
    record = Record()
    record.header, record.history = {'proxy': PROXY}, history
    Counted.compared = 0
    rungs_of([record], keeps=[0.5])
    assert count < Counted.compared < 8 * count * math.log2(count)


def test_error_names_the_search_without_a_rung(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / 'a' / 'journal.jsonl')
    write(tmp_path / 'b' / 'journal.jsonl', {'schedule': PROXY['schedule']})
    assert main(['rungs', str(tmp_path / 'a'), str(tmp_path / 'b')]) == 2
    error = ' '.join(capsys.readouterr().err.split())
    assert f'{tmp_path / "b"}: the search had no rung: watch one with' in error and str(tmp_path / 'a') not in error


def test_several_searches_add_up(tmp_path: Path) -> None:
    records = [write(tmp_path / name / 'journal.jsonl') for name in 'ab']
    (row,) = rungs_of(records, keeps=[0.5], least=2).rows
    assert (row.stopped, row.top_stopped, row.top) == (8, 2, 10)


def test_known_losses_are_never_stopped_but_count(tmp_path: Path) -> None:
    record = write(tmp_path / 'journal.jsonl')
    for trial in list(record.history):
        trial.__dict__['role'] = Role.KNOWN
    (row,) = rungs_of([record], keeps=[0.5], least=2).rows
    assert row.stopped == 0 and row.error is None


@pytest.mark.parametrize(
    ('proxy', 'state', 'error'),
    [
        ({'schedule': PROXY['schedule']}, State.COMPLETE, 'x: the search had no rung: watch one with'),
        (
            {**PROXY, 'rung': {'at': 0.25}},
            State.STOPPED,
            'x: the search stopped candidates, so their worth is not known',
        ),
    ],
)
def test_what_tells_nothing(tmp_path: Path, proxy: dict, state: State, error: str) -> None:
    record = write(tmp_path / 'journal.jsonl', proxy, state)
    with pytest.raises(SetupError, match=error):
        rungs_of([record], names=['x'])


@pytest.mark.parametrize(
    ('hits', 'count', 'ends'),
    [(0, 0, (0.0, 1.0)), (0, 10, (0.0, 0.278)), (5, 10, (0.237, 0.763)), (10, 10, (0.722, 1.0))],
)
def test_interval(hits: int, count: int, ends: tuple[float, float]) -> None:
    assert interval(hits, count) == pytest.approx(ends, abs=5e-4)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('COLUMNS', '100')
    write(tmp_path / 'journal.jsonl')
    assert main(['rungs', str(tmp_path), '--keep', '0.5', '--least', '2']) == 0
    lines = [' '.join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0].startswith('8 candidates of 1 searches were trained to the end, 8 of them had a score at the rung')
    assert lines[-1] == '0.5 4 1 of 5 25.0% 4.6% to 69.9% 0 27.8%'
    assert main(['rungs', str(tmp_path), '--json']) == 0
    assert [row['keep'] for row in json.loads(capsys.readouterr().out)['rows']] == [0.25, 0.5, 0.75, 0.9]
    assert main(['rungs', str(tmp_path / 'none')]) == 2
