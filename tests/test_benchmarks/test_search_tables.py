"""The tables of searches and of long trainings, and the figure of an ablation, from a few made-up trials."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.report.correlation import Pair, correlation_of
from mmautoloss.trial import Journal, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': 'p * y'})
STOPPED = Outcome(State.STOPPED, rung=0.1)
FAILED = Outcome(State.FAILED, reason='not finite: the loss')


def scores(*values: float) -> list[Outcome]:
    return [Outcome(State.COMPLETE, value) for value in values]


def write_search(folder: Path, outcomes: Iterable[Outcome], hand_made: float | None = 0.5, drawn: int = 0) -> None:
    """A journal of candidates with these outcomes; the hand-made losses still train where they have no score."""
    folder.mkdir(parents=True)
    journal = Journal(folder / 'journal.jsonl', {'seed': 0, 'metric': 'toy/score'}, {})
    journal.propose(Trial(0, Role.BASELINE, 0))
    if hand_made is not None:
        journal.settle(0, Outcome(State.COMPLETE, hand_made), elapsed=1.0)
    for number, outcome in enumerate(outcomes, 1):
        journal.propose(Trial(number, Role.SEARCH, 0, GENOME, funnel={'accepted': drawn} if drawn else {}))
        journal.settle(number, outcome, elapsed=1.0 + number)
    journal.close()


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """A set of which an arm is finished, one has a seed without an end of anything, one has not begun."""
    folder = tmp_path / 'toy'
    write_search(folder / 'seeded/0', [*scores(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), FAILED], drawn=300)
    write_search(folder / 'seeded/1', [*scores(0.7), STOPPED, STOPPED], hand_made=0.6)
    write_search(folder / 'random/0', [], hand_made=None)
    write_search(folder / 'old=1/0', [FAILED])
    (folder / 'ours/0').mkdir(parents=True)
    (folder / 'ours/0/journal.jsonl').touch()
    return folder


def test_a_row_an_arm_and_the_hand_made_losses_last(load, begun: Path) -> None:
    table = list(load('search_tables').search_table(begun))
    assert table == [
        '| arm | seeds | expressions drawn | failed | best score | mean of the five best |',
        '| --- | --- | --- | --- | --- | --- |',
        '| random search | 1 | 0 | 0 of 0 | - | - |',
        f'| {load("arms").TITLES["seeded"]} | 2 | 1 052 | 0.5 of 5, 1 stopped | 0.650 (0.600, 0.700) | 0.400 |',
        '| `old=1` | 1 | 1 | 1 of 1 | - | - |',
        '| hand-made | | | | 0.533 | |',
    ]
    assert list(load('search_tables').search_table(begun / 'none')) == []


def test_what_is_not_settled_is_a_dash(load, begun: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """The table on the screen and the figure, of searches that have just begun beside others, and alone."""
    ablation, figure = load('ablation'), tmp_path / 'ablation.png'
    monkeypatch.setattr(sys, 'argv', ['ablation.py', 'show', str(begun), '--plot', str(figure)])
    assert ablation.main() == 0
    rows = {line.split()[1]: line.split()[2:] for line in capsys.readouterr().out.splitlines()}
    assert list(rows) == ['arm', 'random', 'seeded', 'old=1']
    assert rows['random'] == ['1', '0', '0', '0.0', '0.0', 'none', '-', 'none', '-', '-']
    assert rows['seeded'][3:5] == ['0.5', '1.0'] and rows['seeded'][-1] == '0.550'
    assert figure.stat().st_size > 5000
    alone = tmp_path / 'alone'
    write_search(alone / 'random/0', [], hand_made=None)
    write_search(alone / 'random/1', [FAILED], hand_made=None)
    monkeypatch.setattr(sys, 'argv', ['ablation.py', 'show', str(alone), '--plot', str(tmp_path / 'alone.png')])
    assert ablation.main() == 0 and (tmp_path / 'alone.png').stat().st_size > 5000


def test_titles_are_those_of_parts(load) -> None:
    arms = load('arms')
    assert arms.TITLES.keys() == arms.PARTS.keys()


def test_long_trainings_have_a_row_a_length(load) -> None:
    """Two candidates do not work, one failed; of the three above the hand-made losses one falls behind."""
    longs = (0.8, 0.5, 0.9, 0.39, None, 0.1)
    pairs = [Pair(number, 0.9 - number / 10, long) for number, long in enumerate(longs)]
    found = {
        'toy, 3 times': correlation_of(pairs, 3.0, Pair(9, 0.65, 0.6)),
        'toy, 10 times': correlation_of(pairs[:2], 10.0),
    }
    table = list(load('search_tables').correlate_table(found))
    assert [row.count('|') for row in table] == [9] * 4
    cells = [[cell.strip() for cell in row.split('|')[1:-1]] for row in table[2:]]
    assert cells[0][:3] == ['toy', '3', '6, 1 failed'] and cells[0][3].startswith('0.60 (')
    assert cells[0][4:] == ['-0.33 (3)', '0 of 1', '0.600', '2 of 3']
    assert cells[1][:3] == ['toy', '10', '2'] and cells[1][6:] == ['', '']
    assert list(load('search_tables').correlate_table({})) == []


def test_errors_have_no_half(load) -> None:
    """Scores are higher where they are better, so an error is below zero."""
    tables = load('search_tables')
    pairs = [Pair(1, -0.3, -0.2), Pair(2, -0.4, -0.3), Pair(3, -0.5, None)]
    assert tables.working(pairs) == []
    assert '| - |' in list(tables.correlate_table({'toy': correlation_of(pairs, 3.0)}))[2]


def test_choices_of_the_strategy_have_a_row_a_setting(load, tmp_path: Path) -> None:
    """What was broken off has a dash."""
    path = tmp_path / 'choices.csv'
    rows = ['as they are,a,0,0.5', 'as they are,a,1,-0.25', 'as they are,b,0,1', 'initial=2,a,0,0.125']
    path.write_text('\n'.join(['setting,task,seed,share', *rows]) + '\n')
    assert list(load('search_tables').strategy_table(path))[2:] == [
        '| as they are | 0.12 (0.50, -0.25) | 1.00 (1.00) |',
        '| `initial=2` | 0.12 (0.12) | - |',
    ]


def test_files_of_correlations_are_read_by_length(load, tmp_path: Path) -> None:
    """A line that was cut off is left out; another file is refused."""
    read, path = load('correlation_plot').read_correlations, tmp_path / 'correlate_lsp.csv'
    path.write_text('trial,times,seed,short,long,seconds,reason\n3,10.0,0,0.1,0.2,5,\n4,3.0,0,0.2,0.3,5,\n5,2')
    assert {name: len(each.pairs) for name, each in read([path]).items()} == {'lsp, 10 times': 1, 'lsp, 3 times': 1}
    path.write_text('a,b\n1,2\n')
    with pytest.raises(SetupError, match='must have the columns trial,times'):
        read([path])
