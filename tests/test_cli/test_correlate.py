"""``mmautoloss correlate`` on a search of the toy."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip('mmengine')

from mmautoloss.__main__ import main
from mmautoloss.engine.reproduction import load_spec
from mmautoloss.engine.training.longer_training import FILE
from mmautoloss.proxy import lengthen
from mmautoloss.testing.toy_searches import run_toy, toy_config


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search."""
    cfg = toy_config(tmp_path_factory.mktemp('toy'))
    run_toy(cfg)
    return Path(cfg.work_dir)


def test_trains_files_and_goes_on(work_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ['correlate', str(work_dir), '--times', '3', '--json']
    assert main([*command, '--count', '2']) == 0
    first = json.loads(capsys.readouterr().out)
    assert len(first['pairs']) == 2 and first['times'] == 3
    with (work_dir / FILE).open() as file:
        filed = list(csv.DictReader(file))
    assert {int(row['trial']) for row in filed} == {trial for trial, _, _ in [first['hand_made'], *first['pairs']]}
    assert first['hand_made'][0] == 0 and first['stay_above'] <= first['above'] <= 2

    assert main([*command, '--count', '4']) == 0
    second = json.loads(capsys.readouterr().out)
    with (work_dir / FILE).open() as file:
        again = list(csv.DictReader(file))
    assert again[: len(filed)] == filed and len(again) == len(second['pairs']) + 1 > 3
    kept = {tuple(pair) for pair in first['pairs']}
    assert kept <= {tuple(pair) for pair in second['pairs']}

    assert main(['correlate', str(work_dir), '--times', '3', '--count', '4']) == 0
    text = capsys.readouterr().out
    assert "Kendall's tau" in text or second['tau'] is None
    assert 'hand-made' in text and f'{second["above"]} are better than the hand-made losses' in text
    best = max((pair for pair in second['pairs'] if pair[2] is not None), key=lambda pair: pair[2])
    advice = f'that one is trial {best[0]}: mmautoloss apply' if second['regret'] else ''
    if second['hand_made'][2] >= best[2]:
        advice = 'in long trainings the hand-made losses are the best'
    assert text.count(advice) == 1 if advice else 'mmautoloss apply' not in text


def test_a_longer_training_is_longer_and_its_schedulers_with_it(work_dir: Path) -> None:
    proxy = load_spec(work_dir).proxy
    longer = lengthen(proxy, 2.5)
    assert (proxy.schedule['max_iters'], longer.schedule['max_iters']) == (8, 20)
    assert [each['end'] for each in proxy.config['param_scheduler']] == [5]
    assert [each['end'] for each in longer.config['param_scheduler']] == [12]
    assert longer.config['param_scheduler'][0]['start_factor'] == 0.5
    assert longer.config['model'] == proxy.config['model']


def test_restarts_are_stretched(work_dir: Path) -> None:
    proxy = load_spec(work_dir).proxy
    restarts = {'type': 'CosineRestartLR', 'periods': [3, 5], 'restart_weights': [1, 0.5]}
    longer = lengthen(replace(proxy, config={**proxy.config, 'param_scheduler': restarts}), 2)
    assert longer.config['param_scheduler'] == {**restarts, 'periods': [6, 10]}


@pytest.mark.parametrize(
    ('options', 'text'),
    [(['--times', '1'], 'must be above 1'), (['--count', '1'], 'must be 2 or more')],
)
def test_bad_numbers_are_refused(work_dir: Path, options: list[str], text: str, capsys) -> None:
    with pytest.raises(SystemExit):
        main(['correlate', str(work_dir), *options])
    assert text in capsys.readouterr().err


def test_where_nothing_was_searched_one_error_says_so(tmp_path: Path, capsys) -> None:
    assert main(['correlate', str(tmp_path)]) == 2
    assert 'There is no search in' in capsys.readouterr().err


def test_torn_last_row_is_trained_again(work_dir: Path, capsys) -> None:
    command = ['correlate', str(work_dir), '--times', '4', '--count', '2']
    assert main(command) == 0
    whole = (work_dir / FILE).read_text()
    last = whole.splitlines()[-1]
    (work_dir / FILE).write_text(whole[: -len(last) // 2])
    assert main(command) == 0
    with (work_dir / FILE).open() as file:
        rows = [row for row in csv.DictReader(file) if row['times'] == '4.0' and row['reason'] is not None]
    assert {row['trial'] for row in rows} >= {last.split(',')[0]}, 'the torn one was trained again'


def test_trainings_of_another_search_are_refused(work_dir: Path, capsys) -> None:
    """Also where they have another length: the file would hold both."""
    command = ['correlate', str(work_dir), '--times', '5', '--count', '2']
    assert main(command) == 0
    whole = (work_dir / FILE).read_text()
    number, _, seed, short, *rest = whole.splitlines()[-1].split(',')
    other = ','.join([number, '7.0', seed, str(float(short) + 0.001), *rest])
    (work_dir / FILE).write_text(f'{whole}{other}\n')
    capsys.readouterr()
    assert main(command) == 2
    told = ' '.join(capsys.readouterr().err.split())
    assert f'must be of this search, but trial {number} has the score' in told and 'Move it away' in told
    assert (work_dir / FILE).read_text().endswith(f'{other}\n'), 'nothing was trained'
    (work_dir / FILE).write_text(whole)
