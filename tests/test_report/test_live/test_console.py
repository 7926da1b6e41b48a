"""What a person reads of a search."""

from __future__ import annotations

import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip('mmengine')

from mmautoloss.__main__ import build_parser
from mmautoloss.branches import Branch
from mmautoloss.expr import Genome
from mmautoloss.report import ConsoleObserver
from mmautoloss.screen import Calibration
from mmautoloss.trial import History, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': '-y * log(p)'})


class Page:
    """An observer and what it wrote."""

    def __init__(self, greater: bool = True, verbose: bool = False, width: int = 120, terminal: bool = False) -> None:
        self.file = StringIO()
        console = Console(file=self.file, width=width, force_terminal=terminal, color_system=None, highlight=False)
        branches = (Branch('cls', 'head.loss_cls', 'softmax'),)
        self.observer = ConsoleObserver(branches, 'toy/score', greater, console, verbose=verbose)
        self.history = History()

    def settle(self, outcome: Outcome, role: Role = Role.SEARCH, **fields) -> None:
        number = len(self.history)
        genome = None if role is Role.BASELINE else fields.pop('genome', GENOME)
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
def test_full_line_of_a_trial(outcome: Outcome, fields: dict, pattern: str) -> None:
    page = Page(verbose=True)
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
    page = Page(verbose=True)
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
    page = Page(verbose=True)
    page.settle(Outcome(State.FAILED, reason='not finite: a loss'))
    page.settle(Outcome(State.FAILED, reason='trial 0'))
    assert 'failed: not finite: a loss' in page.lines[0] and 'failed as trial 0' in page.lines[1]


def test_stopped_ones_are_told_apart() -> None:
    page = Page(verbose=True)
    page.settle(complete(0.4))
    page.settle(Outcome(State.STOPPED, rung=0.1), bar=0.2)
    page.settle(Outcome(State.STOPPED, rung=0.1, reason='trial 1'), bar=0.2)
    page.observer.end(page.history)
    assert page.lines[3].endswith('1 trained, 2 stopped at the rung, 0 failed')
    page.observer.table(page.history, page.history.ranking(1), [])
    assert '1 of 2 candidates were stopped at the rung.' in page.lines


def test_stopped_ones_without_a_score_are_counted() -> None:
    page = Page()
    page.settle(Outcome(State.STOPPED, rung=0.1), bar=0.2)
    page.settle(Outcome(State.STOPPED, reason='no score at the rung: nothing'), bar=0.2)
    page.observer.table(page.history, [], [])
    assert '2 of 2 candidates were stopped at the rung, 1 of them without a score there.' in page.lines


def finish(
    baseline: list[float], best: list[float], fresh: bool = False, greater: bool = True, verbose: bool = True
) -> Page:
    """A search with these scores of the hand-made and of the best losses, and as many with fresh seeds."""
    page, sign = Page(greater, verbose), 1 if greater else -1
    for score in baseline:
        page.settle(complete(sign * score), role=Role.BASELINE)
    first = len(page.history)
    for number, score in enumerate(best):
        more = {'role': Role.FINALIST, 'repeats': first} if number else {}
        page.settle(complete(sign * score), **more)
    for seed in range(5 if fresh else 0):
        page.settle(complete(sign * (baseline[0] + seed / 100)), role=Role.CONFIRM, repeats=0, seed=1000 + seed)
        page.settle(complete(sign * (best[0] + seed / 90)), role=Role.CONFIRM, repeats=first, seed=1000 + seed)
    page.observer.table(page.history, page.history.ranking(1), [])
    return page


def cells(page: Page, row: str) -> list[list[str]]:
    lines = [line for line in page.lines if row in line and '│' in line]
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


PARENT = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'})
CHILD = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y) * abs(p - y) * abs(p - y) * abs(p - y)'})


def shown(**kwargs) -> Page:
    page = Page(**kwargs)
    page.settle(complete(0.5), role=Role.BASELINE)
    page.settle(complete(0.4), genome=PARENT, origin='random')
    page.settle(complete(0.625), genome=CHILD, origin='insert(box)', parent=1)
    page.settle(Outcome(State.EQUIVALENT, 0.4, reason='trial 1'), genome=CHILD, parent=1)
    page.settle(Outcome(State.FAILED, reason='Traceback\nValueError: [0] is not a number'), genome=CHILD, parent=1)
    page.settle(Outcome(State.STOPPED, rung=0.125, seconds=1.25), genome=CHILD, parent=1, bar=0.25)
    page.settle(complete(0.75), role=Role.FINALIST, genome=CHILD, repeats=2, seed=3)
    return page


def test_line_has_the_difference_and_the_branch_that_changed() -> None:
    lines = shown().lines
    assert lines == [
        '   0 baseline   0.5000             1.2 s  hand-made losses, seed 0',
        '   1 search     0.4000  -0.1000    1.2 s  cls: -y * log(p)  box: abs(p - y)',
        '   2 search     0.6250  +0.1250    1.2 s  of 1  box: abs(p - y) * abs(p - y) * abs(p - y) * abs(p - y)',
        '   4 search   failed: ValueError: [0] is not a number',
        '   5 search   stopped: 0.1250 at the rung 1.2 s  of 1  box: abs(p - y) * abs(p - y) * abs(p - y) * abs(p - y)',
        '   6 finalist   0.7500  +0.2500    1.2 s  trial 2 again, seed 3',
    ]


@pytest.mark.parametrize('width', [1, 20, 40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal_and_cuts_show(width: int) -> None:
    lines = shown(width=width, terminal=True).lines
    assert len(lines) == 6 and max(map(len, lines)) <= width
    whole = '   2 search     0.6250  +0.1250    1.2 s  of 1  box: abs(p - y) * abs(p - y) * abs(p - y) * abs(p - y)'
    assert lines[2] == whole if width >= len(whole) else width <= 40 or lines[2].endswith('...')


def test_a_log_has_120_columns_whatever_its_console_says() -> None:
    long = Genome.from_text({'cls': ' + '.join(['-y * log(p)'] * 20), 'box': ' + '.join(['abs(p - y)'] * 20)})
    page = Page(width=60)
    page.settle(complete(0.4), genome=long)
    assert len(page.lines) == 1 and len(page.lines[0]) in (119, 120), page.lines
    assert 'cls: ' in page.lines[0] and '...  box: ' in page.lines[0] and page.lines[0].endswith('...')


def test_differences_are_in_the_units_of_the_metric() -> None:
    page = Page(greater=False)
    page.settle(complete(-0.5), role=Role.BASELINE)
    page.settle(complete(-0.4))
    assert '0.4000  -0.1000' in page.lines[1]


def test_fresh_seeds_are_compared_with_fresh_seeds() -> None:
    page = Page()
    page.settle(complete(0.1), role=Role.BASELINE)
    page.settle(complete(0.4))
    page.settle(complete(0.3), role=Role.CONFIRM, repeats=0, seed=1000, genome=None)
    page.settle(complete(0.45), role=Role.CONFIRM, repeats=1, seed=1000)
    assert '0.4500  +0.1500' in page.lines[3] and 'hand-made losses, seed 1000' in page.lines[2]


def test_differences_are_those_with_the_same_seed() -> None:
    """Two seeds that differ by more than the losses do."""
    page = Page()
    page.settle(complete(0.5), role=Role.BASELINE, seed=0)
    page.settle(complete(0.7), role=Role.BASELINE, seed=1)
    page.settle(complete(0.52), seed=0)
    page.settle(complete(0.69), role=Role.FINALIST, repeats=2, seed=1)
    page.settle(complete(0.65), role=Role.FINALIST, repeats=2, seed=2)
    for seed, hand_made, found in ((1000, 0.4, 0.45), (1001, 0.8, 0.75)):
        page.settle(complete(hand_made), role=Role.CONFIRM, repeats=0, seed=seed, genome=None)
        page.settle(complete(found), role=Role.CONFIRM, repeats=2, seed=seed)
    differences = [re.findall(r' ([+-]0\.\d{4}) ', line) for line in page.lines]
    assert differences == [[], [], ['+0.0200'], ['-0.0100'], ['+0.0500'], [], ['+0.0500'], [], ['-0.0500']]


def test_numbers_of_a_search_are_not_looked_up_among_the_trainings_of_a_comparison() -> None:
    page = Page()
    page.settle(complete(0.5), role=Role.BASELINE)
    page.settle(complete(0.4), role=Role.KNOWN, genome=PARENT)
    page.settle(complete(0.625), role=Role.FINALIST, genome=CHILD, parent=1, repeats=1)
    assert page.lines[-1].endswith('1.2 s  cls: -y * log(p)  box: abs(p - y) * abs(p - y) * abs(p - y) * abs(p - y)')


def test_legs_of_a_relay_are_not_compared_with_whole_trainings() -> None:
    page = Page()
    page.settle(complete(0.5), role=Role.BASELINE)
    page.settle(complete(0.2), role=Role.LEG)
    page.settle(complete(0.6))
    assert page.lines[1].startswith('   1 leg        0.2000             1.2 s') and '+0.1000' in page.lines[2]


def ending(search: Page, **kwargs) -> dict[str, str]:
    before = len(search.lines)
    search.observer.work_dir = Path('work')
    configs = [Path('work/best_config.py')]
    ranking = search.history.ranking(1)
    search.observer.table(search.history, ranking, configs if ranking else [], **kwargs)
    lines = search.lines[before:]
    assert len(lines) == 4, lines
    return {line[:7].strip(): line[7:] for line in lines}


def test_search_ends_with_four_lines() -> None:
    page = finish([0.5, 0.52], [0.9, 0.91], fresh=True, verbose=False)
    last = ending(page, page=Path('work/report.html'))
    assert list(last) == ['found', 'gain', 'use', 'next']
    assert last['found'] == 'trial 2  cls: -y * log(p)'
    assert re.fullmatch(
        r'\+0\.4022 toy/score \(95 % interval \+0\.\d+ to \+0\.\d+, 5 fresh seeds\): better than the hand-made losses',
        last['gain'],
    )
    assert (
        last['use']
        == 'work/best_config.py: ready to train; to paste: python -m mmautoloss export work --format config'
    )
    command = last['use'].partition('python -m mmautoloss ')[2]
    assert build_parser().parse_args(command.split()).format == 'config', 'a command that works'
    assert last['next'].startswith(
        'on unseen images: python -m mmautoloss compare work/search_config.py --work-dir work '
    )
    assert last['next'].endswith('; report: work/report.html')


@pytest.mark.parametrize('found', [[0.9, 0.91], [0.51, 0.52], []])
def test_commands_of_the_last_lines_are_understood(found: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    last = ending(finish([0.5, 0.52], found, fresh=bool(found), verbose=False))
    commands = [part for line in last.values() for part in re.findall(r'python -m mmautoloss ([^;]*)', line)]
    assert commands
    for command in commands:
        words = shlex.split(command.removesuffix(' says why'))
        assert build_parser().parse_args(words).command == words[0], capsys.readouterr().err


def test_seeds_of_the_interval_are_those_in_pairs() -> None:
    page = finish([0.5, 0.52], [0.9, 0.91], fresh=True, verbose=False)
    page.settle(complete(0.9), role=Role.CONFIRM, repeats=2, seed=1005)
    page.settle(Outcome(State.FAILED, reason='lack of memory'), role=Role.CONFIRM, repeats=0, seed=1005)
    assert ', 5 fresh seeds): better than' in ending(page)['gain']


def test_a_time_limit_that_leaves_no_candidate_is_named() -> None:
    page = Page()
    page.settle(complete(0.5), role=Role.BASELINE)
    last = ending(page, budget={'max_trials': 100, 'max_seconds': 3.0})
    assert last['found'] == 'No searched loss has been trained.'
    assert last['next'] == 'the same command with --resume and a larger --max-seconds'


def test_losses_that_are_worse_are_not_offered() -> None:
    last = ending(finish([0.5, 0.52], [0.1, 0.11], fresh=True, verbose=False))
    assert last['gain'].endswith('worse than the hand-made losses')
    assert last['use'] == 'your config as it is; work/best_config.py has the losses that were found'
    assert last['next'] == 'longer trainings, or more candidates (budget.max_trials)'


def test_last_lines_of_a_search_without_fresh_seeds_and_of_one_where_less_is_better() -> None:
    last = ending(finish([0.5, 0.52], [0.9, 0.91], verbose=False))
    assert last['gain'].startswith('Not confirmed') and 'train_cfg.budget.confirm_seeds=5' in last['next']
    last = ending(finish([0.5, 0.52], [0.1, 0.11], fresh=True, greater=False, verbose=False))
    assert '+0.39' in last['gain'] and 'positive is better' in last['gain']


def test_last_lines_of_a_search_that_was_stopped_early() -> None:
    for scores in ([], [0.5]):
        page = Page()
        for score in scores:
            page.settle(complete(score), role=Role.BASELINE)
        last = ending(page, stopped=True)
        assert last == {
            'found': 'nothing yet: no searched loss has a score',
            'gain': 'none',
            'use': 'your config as it is',
            'next': 'the same command with --resume goes on',
        }
