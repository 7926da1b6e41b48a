"""What a person reads of a search."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

pytest.importorskip('mmengine')

from mmautoloss.branches import Branch
from mmautoloss.expr import Genome
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import Calibration
from mmautoloss.trial import History, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': '-y * log(p)'})


class Page:
    """An observer and what it wrote."""

    def __init__(self, greater: bool = True) -> None:
        self.file = StringIO()
        console = Console(file=self.file, width=120)
        branches = (Branch('cls', 'head.loss_cls', 'softmax'),)
        self.observer = ConsoleObserver(branches, 'toy/score', greater, console)
        self.history = History()

    def settle(self, outcome: Outcome, role: Role = Role.SEARCH, **fields) -> None:
        number = len(self.history)
        genome = None if role is Role.BASELINE else GENOME
        self.history.add(Trial(number, role, fields.pop('seed', 0), genome, **fields))
        self.history.settle(number, outcome)
        self.observer.settled(self.history[number], self.history)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.file.getvalue().splitlines()]


def complete(score: float) -> Outcome:
    return Outcome(State.COMPLETE, score, {'toy/score': score}, seconds=1.25)


LINES = [
    pytest.param(
        complete(0.5),
        {'role': Role.BASELINE, 'origin': 'hand-made'},
        r'0 baseline 0\.5000 +1\.2 s  hand-made',
        id='baseline',
    ),
    pytest.param(
        complete(0.5),
        {'origin': 'insert(cls)', 'parent': 7},
        r'0 search +0\.5000 +1\.2 s  insert\(cls\) of 7  cls: -y \* log\(p\)',
        id='searched',
    ),
    pytest.param(Outcome(State.EQUIVALENT, 0.25, reason='trial 3'), {}, r'0 search +0\.2500 as trial 3', id='equal'),
    pytest.param(
        Outcome(State.FAILED, reason='Traceback\n  x\nRuntimeError: [red]boom[/red]'),
        {},
        r'0 search +failed: RuntimeError: \[red\]boom\[/red\]',
        id='failed',
    ),
    pytest.param(Outcome(State.FAILED), {}, 'failed: no reason given', id='no reason'),
    pytest.param(
        Outcome(State.STOPPED, rung=0.125, seconds=1.25),
        {'bar': 0.25},
        r'0 search +stopped: 0\.1250 at the rung +1\.2 s',
        id='stopped',
    ),
    pytest.param(
        Outcome(State.STOPPED, rung=0.125, reason='trial 3'),
        {'bar': 0.25},
        r'at the rung as trial 3',
        id='stopped twin',
    ),
    pytest.param(
        Outcome(State.STOPPED, reason='no score at the rung: nothing', seconds=1.25),
        {'bar': 0.25},
        r'0 search +stopped: no score at the rung +1\.2 s',
        id='stopped without a score',
    ),
    pytest.param(
        Outcome(State.STOPPED, reason='trial 3'),
        {'bar': 0.25},
        r'stopped: no score at the rung as trial 3',
        id='stopped twin without a score',
    ),
]


@pytest.mark.parametrize(('outcome', 'fields', 'pattern'), LINES)
def test_line_of_a_trial(outcome: Outcome, fields: dict, pattern: str) -> None:
    page = Page()
    page.settle(outcome, **fields)
    assert len(page.lines) == 1 and re.search(pattern, page.lines[0]), page.lines


def test_scores_are_shown_as_the_metric_reports_them() -> None:
    page = Page(greater=False)
    page.settle(Outcome(State.COMPLETE, -0.25))
    assert '0.2500' in page.lines[0] and '-0.2500' not in page.lines[0]


def test_calibration() -> None:
    page = Page()
    page.observer.calibrated({'cls': Calibration(0.987, -0.3, 0.0)}, 0.6)
    assert page.lines == ['calibration cls: hand-made 0.99, negated -0.30, constant 0.00 (bar 0.6)']


def test_funnel_adds_up() -> None:
    page = Page()
    page.settle(complete(0.5), role=Role.BASELINE)
    page.settle(complete(0.4), funnel={'accepted': 1, 'low gain': 5})
    page.settle(Outcome(State.EQUIVALENT, 0.4, reason='trial 1'), funnel={'accepted': 1})
    page.settle(Outcome(State.FAILED, reason='x'), funnel={'accepted': 1, 'no target': 2})
    page.observer.end(page.history)
    text = '10 explored, 7 rejected, 1 equivalent, 1 trained, 1 failed'
    assert page.lines[4] == text
    assert [line.split(maxsplit=1) for line in page.lines[5:]] == [
        ['5', 'low gain'],
        ['3', 'accepted'],
        ['2', 'no target'],
    ]


def test_spared_failure_names_its_twin() -> None:
    page = Page()
    page.settle(Outcome(State.FAILED, reason='not finite: a loss'))
    page.settle(Outcome(State.FAILED, reason='trial 0'))
    assert 'failed: not finite: a loss' in page.lines[0] and 'failed as trial 0' in page.lines[1]


def test_stopped_ones_are_told_apart() -> None:
    page = Page()
    page.settle(complete(0.4))
    page.settle(Outcome(State.STOPPED, rung=0.1), bar=0.2)
    page.settle(Outcome(State.STOPPED, rung=0.1, reason='trial 1'), bar=0.2)
    page.observer.end(page.history)
    assert page.lines[3].endswith('1 trained, 2 stopped at the rung, 0 failed')
    page.observer.table(page.history, page.history.ranking(1), None)
    assert '1 of 2 candidates were stopped at the rung.' in page.lines


def test_stopped_ones_without_a_score_are_counted() -> None:
    page = Page()
    page.settle(Outcome(State.STOPPED, rung=0.1), bar=0.2)
    page.settle(Outcome(State.STOPPED, reason='no score at the rung: nothing'), bar=0.2)
    page.observer.table(page.history, [], None)
    assert '2 of 2 candidates were stopped at the rung, 1 of them without a score there.' in page.lines


def finish(baseline: list[float], best: list[float], fresh: bool = False, greater: bool = True) -> Page:
    """A search with these scores of the hand-made and of the best losses, and as many with fresh seeds."""
    page, sign = Page(greater), 1 if greater else -1
    for score in baseline:
        page.settle(complete(sign * score), role=Role.BASELINE)
    first = len(page.history)
    for number, score in enumerate(best):
        more = {'role': Role.FINALIST, 'repeats': first} if number else {}
        page.settle(complete(sign * score), **more)
    for seed in range(5 if fresh else 0):
        page.settle(complete(sign * (baseline[0] + seed / 100)), role=Role.CONFIRM, repeats=0, seed=1000 + seed)
        page.settle(complete(sign * (best[0] + seed / 90)), role=Role.CONFIRM, repeats=first, seed=1000 + seed)
    page.observer.table(page.history, page.history.ranking(1), None)
    return page


def cells(page: Page, row: str) -> list[list[str]]:
    lines = [line for line in page.lines if row in line]
    return [[cell.strip() for cell in line.strip('│').split('│')] for line in lines]


def test_table_has_mean_spread_and_seeds_and_the_verdict_comes_after_it() -> None:
    page = finish([0.5, 0.52], [0.9, 0.91])
    assert cells(page, 'hand-made losses') == [['hand-made losses', '0.5100', '0.0141', '2']]
    assert any('cls: -y * log(p)' in line for line in page.lines)
    assert any('by which losses were chosen' in line for line in page.lines)
    assert 'Not confirmed: the best found losses score 0.3950 better than' in ' '.join(page.lines)


def test_fresh_seeds_have_a_table_of_their_own_before_the_others() -> None:
    page = finish([0.5, 0.52], [0.9, 0.91], fresh=True)
    assert cells(page, 'hand-made losses') == [
        ['hand-made losses', '0.5200', '0.0158', '5'],
        ['hand-made losses', '0.5100', '0.0141', '2'],
    ]
    assert cells(page, 'best found, trial 2') == [['best found, trial 2', '0.9222', '0.0176', '5']]
    assert 'The best found losses are better than the hand-made ones: +0.4022 (95 %' in ' '.join(page.lines)


def test_verdict_where_less_is_better() -> None:
    page = finish([0.5, 0.52], [0.1, 0.11], fresh=True, greater=False)
    assert 'are better than the hand-made ones: +0.39' in ' '.join(page.lines)
    assert cells(page, 'best found')[0][1] == '0.1222'
