"""Rows of results in a CSV file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.proxy import ProxySettings
from mmautoloss.proxy.trunk import Trunk
from mmautoloss.report import (
    Conditions,
    Description,
    ResultRow,
    append_results,
    make_row,
    print_comparison,
    read_results,
    result_rows,
)
from mmautoloss.trial import History, Outcome, Role, State, Trial

GENOME = Genome.from_text({'cls': '-y * log(p)', 'box': 'abs(p - y)'})
ROW = ResultRow(
    *('t', 's', 'n', 'm', 'found-3', '{"cls": "a, \\"b\\""}', '{"cls": 0.5}'),
    *(0, 'val', 'scratch', 8, 8, '16:0123abcd', 0.1 + 0.2),
)
PROXY = ProxySettings({}, (), {'max_iters': 8}, 'toy/error', False, None, '')


def test_rows_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / 'deep' / 'results.csv'
    rows = [ROW, ROW._replace(seed=1, value=1e-17)]
    append_results(path, rows)
    assert read_results(path) == rows
    assert path.read_text().splitlines()[0] == ','.join(ResultRow._fields)


def test_known_rows_are_not_appended_again(tmp_path: Path) -> None:
    path = tmp_path / 'results.csv'
    append_results(path, [ROW])
    append_results(path, [ROW, ROW._replace(seed=5), ROW])
    assert [row.seed for row in read_results(path)] == [0, 5]


def test_a_row_without_a_number_is_not_appended_again(tmp_path: Path) -> None:
    failed = ROW._replace(value=float('nan'))
    append_results(tmp_path / 'results.csv', [ROW, failed])
    append_results(tmp_path / 'results.csv', [failed, *read_results(tmp_path / 'results.csv')])
    assert len(read_results(tmp_path / 'results.csv')) == 2


@pytest.mark.parametrize('written', [0, 1, 40, None])
def test_a_file_whose_header_was_torn_has_no_rows_yet(tmp_path: Path, written: int | None) -> None:
    path = tmp_path / 'results.csv'
    path.write_text(','.join(ResultRow._fields)[:written])
    assert read_results(path) == []
    append_results(path, [ROW])
    assert read_results(path) == [ROW]
    assert path.read_text().splitlines()[0] == ','.join(ResultRow._fields)


def test_no_row_is_lost_if_the_program_is_killed_after_a_torn_line_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file holds its rows whatever the next write does."""
    path = tmp_path / 'results.csv'
    append_results(path, [ROW])
    path.write_text(path.read_text() + 't,s,n')

    def killed(*args: object, **kwargs: object) -> None:
        assert read_results(path) == [ROW]
        raise KeyboardInterrupt

    monkeypatch.setattr('mmautoloss.report.results.csv.writer', killed)
    with pytest.raises(KeyboardInterrupt):
        append_results(path, [ROW._replace(seed=1)])
    assert read_results(path) == [ROW]


@pytest.mark.parametrize(('there', 'wrong'), [('0.30000000000000004', 'a third'), (',8,8,', ',8,eight,')])
def test_a_value_that_is_no_number_is_told_with_its_line(tmp_path: Path, there: str, wrong: str) -> None:
    path = tmp_path / 'results.csv'
    append_results(path, [ROW])
    path.write_text(path.read_text().replace(there, wrong))
    with pytest.raises(SetupError, match=rf'results.csv, line 2 must have numbers .*{wrong.strip("8,")}'):
        read_results(path)


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'results.csv'
    path.write_text('a,b\n1,2\n')
    with pytest.raises(SetupError, match='must have the columns task,set,network'):
        append_results(path, [ROW])
    assert path.read_text() == 'a,b\n1,2\n'
    assert read_results(tmp_path / 'none.csv') == []


OLD = (
    'task,set,network,metric,loss,expression,seed,split,iterations,value\n'
    't,s,n,m,found-3,"{""cls"": ""a, b""}",0,val,8,0.25\n'
    't,s,n_late0.9,m,hand-made,,0,val,8,0.125\n'
)
WEIGHED = (
    'task,set,network,metric,loss,expression,weights,seed,split,iterations,value\n'
    't,s,n,m,found-3,"{""cls"": ""a, b""}",,0,val,8,0.25\n'
    't,s,n_late0.9,m,hand-made,,,0,val,8,0.125\n'
)


@pytest.mark.parametrize('torn', ['', 't,s,n,m,hand-ma'])
@pytest.mark.parametrize('text', [OLD, WEIGHED], ids=['without weights', 'with weights'])
def test_an_older_file_is_read_and_gets_its_columns_with_the_next_row(tmp_path: Path, text: str, torn: str) -> None:
    path = tmp_path / 'results.csv'
    path.write_text(text + torn)
    old = read_results(path)
    assert [(row.network, row.loss, row.expression, row.weights, row.seed, row.value) for row in old] == [
        ('n', 'found-3', '{"cls": "a, b"}', '', 0, 0.25),
        ('n_late0.9', 'hand-made', '', '', 0, 0.125),
    ]
    assert {(row.begin, row.iterations, row.tail, row.images) for row in old} == {('', 8, 8, '')}
    append_results(path, [ROW, *old])
    assert read_results(path) == [*old, ROW]
    assert path.read_text().splitlines()[0] == ','.join(ResultRow._fields)
    assert [file.name for file in tmp_path.iterdir()] == ['results.csv']


def test_a_row_says_where_its_training_began() -> None:
    trial = Trial(0, Role.BASELINE, 0)
    row = make_row(trial, Description(), PROXY, 0.5)
    assert (row.begin, row.iterations, row.tail, row.images) == ('scratch', 8, 8, '')
    late = replace(PROXY, trunk=Trunk(6, 'trunks'))
    row = make_row(trial, Description(), late, 0.5, Conditions('late0.75_new', '16:0123abcd'))
    assert (row.begin, row.iterations, row.tail, row.images) == ('late0.75_new', 8, 2, '16:0123abcd')
    assert row.setting.length == 'the last 2 of 8 iterations, new optimizer'
    assert row._replace(begin='from_checkpoint').setting.length == '8 iterations from a checkpoint'
    trained = row._replace(begin='from_checkpoint_1a2b3c4d_scheduled').setting
    assert trained.length == '8 iterations from checkpoint 1a2b3c4d, rate as scheduled'
    assert row._replace(begin='').setting.length == '8 iterations'


def test_a_row_has_its_weights_to_six_digits_in_the_order_of_the_expressions() -> None:
    found = Trial(3, Role.SEARCH, 0, GENOME, {'box': 0.38123456789, 'cls': 1.0})
    assert make_row(found, Description(), PROXY, 0.5).weights == '{"cls": 1.0, "box": 0.381235}'
    assert make_row(Trial(0, Role.BASELINE, 0), Description(), PROXY, 0.5).weights == ''


def test_rows_are_those_of_baseline_and_finalists() -> None:
    history = History()
    plan = [
        (Role.BASELINE, None, 0.5),
        (Role.KNOWN, None, 0.4),
        (Role.SEARCH, None, 0.3),
        (Role.SEARCH, None, None),
        (Role.FINALIST, 2, 0.25),
        (Role.FINALIST, 2, None),
    ]
    for number, (role, repeats, error) in enumerate(plan):
        genome = None if role is Role.BASELINE else GENOME
        history.add(Trial(number, role, number, genome, repeats=repeats))
        state = State.FAILED if error is None else State.COMPLETE
        metrics = {} if error is None else {'toy/error': error}
        history.settle(number, Outcome(state, None if error is None else -error, metrics))
    rows = result_rows(history, history.ranking(1), Description(task='toy', hand_made='hand'), PROXY)
    assert [(row.loss, row.seed, row.value) for row in rows] == [
        ('hand', 0, 0.5),
        ('ce+l1', 1, 0.4),
        ('found-2', 2, 0.3),
        ('found-2', 4, 0.25),
    ]
    assert {(row.metric, row.iterations, row.split) for row in rows} == {('toy/error', 8, 'search_val')}
    assert rows[0].expression == '' and '"cls": "-y * log(p)"' in rows[1].expression


def test_rows_are_those_of_fresh_seeds_where_there_are_any() -> None:
    history = History()
    plan = [
        (Role.BASELINE, None, 0, 0.5),
        (Role.KNOWN, None, 0, 0.4),
        (Role.SEARCH, None, 0, 0.3),
        (Role.FINALIST, 2, 1, 0.2),
        *[(Role.CONFIRM, number, 1000 + seed, (number + 1) / 10) for seed in range(5) for number in range(3)],
        (Role.CONFIRM, 2, 1005, None),
    ]
    for number, (role, repeats, seed, error) in enumerate(plan):
        genome = None if 0 in (number, repeats) and role is not Role.KNOWN else GENOME
        history.add(Trial(number, role, seed, genome, {'cls': 0.5} if genome else {}, repeats=repeats))
        failed = Outcome(State.FAILED, reason='not finite: a loss')
        history.settle(number, Outcome(State.COMPLETE, -error, {'toy/error': error}) if error is not None else failed)
    rows = result_rows(history, history.ranking(1), Description(hand_made='hand'), PROXY)
    values = {(row.loss, row.value) for row in rows}
    assert values == {('hand', 0.1), ('ce+l1', 0.2), ('found-2', 0.3)}, 'none by which something was chosen'
    assert [row.seed for row in rows] == [*range(1000, 1005)] * 3
    assert {row.weights for row in rows if row.loss == 'found-2'} == {'{"cls": 0.5}'}


def test_comparison_is_of_one_metric_and_against_the_hand_made_losses(capsys) -> None:
    values = {
        ('hand', ''): (0.5, 0.4),
        ('mse', '{"cls": "p"}'): (0.4, 0.2),
        ('hand', '{"cls": "y"}'): (0.1, 0.1),
        ('other', ''): (0.9, 0.9),
    }
    rows = [
        ROW._replace(loss=loss, expression=text, weights='', seed=seed, value=value)
        for (loss, text), pair in values.items()
        for seed, value in enumerate(pair)
    ]
    others = ({'metric': 'm2'}, {'split': 'test'}, {'iterations': 9}, {'tail': 7}, {'begin': 'from_checkpoint'})
    foreign = [ROW._replace(value=7.0, **other) for other in others]
    older = rows[0]._replace(begin='', images='')  # says nothing else
    failed = ROW._replace(loss='mutant-1', value=float('nan'))
    print_comparison([older, *rows[1:], *foreign, failed], ROW.setting, 'hand')
    table = capsys.readouterr().out
    assert 's, n, m on val, 8 iterations' in table and '7.0' not in table
    assert [line for line in table.splitlines() if 'mutant' in line] == ['mutant-1: left out 1 without a number']
    line = next(line for line in table.splitlines() if 'mse' in line)
    assert '0.3000' in line and '-0.100 -0.200' in line and 'mse, cls: p' in table.splitlines()
    assert '+0.400 +0.500' in next(line for line in table.splitlines() if 'other' in line)


def test_losses_of_other_weights_are_others(capsys) -> None:
    """``found-3`` of two searches: the same expression, but another training."""
    hand_made = [ROW._replace(loss='hand', expression='', weights='', seed=seed, value=0.1) for seed in range(2)]
    weighed = [
        ROW._replace(expression='{"cls": "p"}', weights=weights, seed=seed, value=value)
        for weights, value in (('{"cls": 1.0}', 0.25), ('{"cls": 0.96}', 0.75), ('', 0.5))
        for seed in range(2)
    ]
    print_comparison([*hand_made, *weighed], ROW.setting, 'hand')
    lines = capsys.readouterr().out.splitlines()
    means = ('0.2500', '0.7500', '0.5000')
    assert [sum(mean in line and 'found-3' in line for line in lines) for mean in means] == [1, 1, 1]
    assert lines[-3:] == ['found-3, cls: p, weight 1.0', 'found-3, cls: p, weight 0.96', 'found-3, cls: p']
