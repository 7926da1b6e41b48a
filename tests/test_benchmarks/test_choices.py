"""The benchmarks that compare settings, or what is found with what is right: what they file."""

from __future__ import annotations

import csv
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip('mmengine')

from mmautoloss.testing.toy_searches import run_toy, toy_config, write_toy
from tests.isolation import ROOT


def run(module: ModuleType, monkeypatch: pytest.MonkeyPatch, table: Path, *options: str) -> list[dict[str, str]]:
    """The rows that a benchmark files."""
    monkeypatch.setattr(sys, 'argv', [f'{module.__name__}.py', *options, '--csv', str(table)])
    module.main()
    with table.open() as file:
        return list(csv.DictReader(file))


def test_what_is_known_to_be_right_is_filed(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = load('known_truth')
    monkeypatch.setattr(truth, 'search', lambda task, seed, folder: truth.Found(0.1, 0.5, 0.4 + seed, 7, 'p, y'))
    rows = run(truth, monkeypatch, tmp_path / 'truths.csv', '--seeds', '0', '3')
    assert [(row['task'], row['seed']) for row in rows] == [(task, seed) for task in truth.TRUTHS for seed in '03']
    rest = {'usual': '0.1', 'right': '0.5', 'found': '3.4', 'trained': '7', 'expression': 'p, y'}
    assert rows[1] == {'task': 'skewed', 'seed': '3', **rest}


def test_choices_of_the_strategy_are_filed(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the share of the way from the usual loss to the right one; the pages' commands make the filed rows again."""
    choices = load('strategy_choices')
    monkeypatch.setattr(choices, 'search', lambda *args: load('known_truth').Found(0.1, 0.5, 0.3, 7, 'p'))
    rows = run(choices, monkeypatch, tmp_path / 'a.csv', '--seeds', '0', '1', '--settings', 'fresh_rate=0')
    assert [(row['setting'], row['task']) for row in rows] == [
        ('fresh_rate=0', t) for t in choices.TRUTHS for _ in '01'
    ]
    assert {row['share'] for row in rows} == {'0.5'}

    for name in ('short_trainings', 'systems'):
        page = (ROOT / f'docs/{name}.md').read_text(encoding='utf-8')
        command = re.search(r'benchmarks/quality/strategy_choices.py (.+?)\n```', page, re.DOTALL)[1]
        *options, _, filed = shlex.split(command.replace('\\\n', ' '))
        rows = run(choices, monkeypatch, tmp_path / 'b.csv', *options)
        with (ROOT / filed).open() as file:
            old = list(csv.DictReader(file))
        assert [(row['setting'], row['task'], row['seed']) for row in rows] == [
            (row['setting'], row['task'], row['seed']) for row in old
        ]


def test_choices_of_the_rejection_test_may_be_combined(load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One good loss and one poor one of a search without the test: one step is too few, unless the bar is low as well."""
    screen = load('screen_choices')
    assert {'eta=0.4', 'steps=100, eta=0.4', 'steps=100, eta=0.6'} <= screen.SETTINGS.keys()
    run_toy(toy_config(tmp_path / 'untested', {'screen.engine': 'untested', 'budget.finalists': 0}))
    changes = ({'eta': 0.3}, {'steps': 1}, {'steps': 1, 'eta': 0.0})
    monkeypatch.setattr(screen, 'SETTINGS', {str(each): each for each in changes})
    files = (str(write_toy(tmp_path)), str(tmp_path / 'untested/work/journal.jsonl'))
    rows = run(screen, monkeypatch, tmp_path / 'screen.csv', *files)
    assert [row['setting'] for row in rows] == [str(each) for each in changes]
    assert [(float(row['kept']), float(row['refused'])) for row in rows] == [(1, 1), (0, 1), (1, 0)]


def test_searches_with_one_and_with_three_seeds_are_filed(
    load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same searches again give the same rows; with three seeds about as many trainings, of fewer losses."""
    seeds, options = load('candidate_seeds'), ('--searches', '2', '--trials', '40', '--noise', '0.1')
    rows = run(seeds, monkeypatch, tmp_path / 'a.csv', *options)
    assert rows == run(seeds, monkeypatch, tmp_path / 'b.csv', *options)
    assert [row['interaction'] for row in rows[::6]] == ['own', 'inherited', 'drawn', 'drawn']
    assert all(36 <= int(row['all_trainings']) <= 48 for row in rows)
    usual = seeds.quality(seeds.USUAL)
    assert all(-1 <= float(row['score']) - usual <= 1 for row in rows if row['interaction'] != 'drawn')


def test_searches_with_and_without_measuring_again_are_filed(
    load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real searches of the simulated task: one finds a better loss than the usual one, and a seed gives the same again."""
    copies, arms = load('copies'), ('distinct, no copies', 'measure 0.25')
    options = ('--seeds', '1', '--trials', '20', '--noise', '0.01', '--shared', '0.5', '--arms')
    rows = run(copies, monkeypatch, tmp_path / 'a.csv', *options, *arms)
    assert [(row['arm'], row['seed']) for row in rows] == [(arm, '0') for arm in arms]
    assert max(float(row['score']) for row in rows) > copies.quality(copies.USUAL) + 0.02
    assert rows[1:] == run(copies, monkeypatch, tmp_path / 'b.csv', *options, arms[1])
