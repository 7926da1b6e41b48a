"""The recorded table of losses, of the toy: its losses, its conditions, and what an interruption leaves."""

from __future__ import annotations

import math
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import torch

pytest.importorskip('mmengine')

from mmautoloss.branches import Branch
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.config.begin import CheckpointBegin
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.training import FiledTrainings
from mmautoloss.report import ResultRow, read_results
from mmautoloss.testing.toy_searches import write_toy
from mmautoloss.trial import Outcome, State

BEGINS = [('scratch', 6, 6), ('scratch', 18, 18), ('scratch', 60, 60), ('late0.9', 60, 6)]
WARM_UP = {'type': 'LinearLR', 'start_factor': 0.5, 'by_epoch': False, 'begin': 0, 'end': 20}


@pytest.fixture(scope='module')
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of the toy whose candidates begin at a trunk."""
    base = {'train_cfg.max_iters': 60, 'param_scheduler': [WARM_UP]}
    return write_toy(tmp_path_factory.mktemp('toy'), {'proxy': {'begin': 'trunk'}}, base)


@pytest.fixture
def record(load) -> ModuleType:
    return load('record')


@pytest.fixture(autouse=True)
def same_threads():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def run(record: ModuleType, monkeypatch: pytest.MonkeyPatch, config: Path, out: Path, *options: str) -> int:
    argv = ['record.py', str(config), '--out', str(out), '--work-dir', str(out.parent / 'work'), '--workers', '1']
    monkeypatch.setattr(sys, 'argv', [*argv, *options])
    return record.main()


def sampled(record: ModuleType, config: Path, folder: Path, number: int, first=()) -> tuple[SearchSpec, list]:
    spec = spec_of(load_search_config(str(config), str(folder)))
    return spec, record.sample(spec, record.conditions(spec, None)[0].settings, number, first)


def test_all_losses_are_trained_in_all_conditions(record, config: Path, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / 'table.csv'
    assert run(record, monkeypatch, config, out, '--losses', '3', '--seeds', '1') == 0
    rows = read_results(out)
    metrics, losses = ('toy/score', 'toy/error'), ('hand-made', 'ce+l1', 'focal_softmax+smooth_l1')
    assert [(row.begin, row.iterations, row.tail, row.loss, row.metric) for row in rows] == [
        (*begin, loss, metric) for begin in BEGINS for loss in losses for metric in metrics
    ]
    assert {(row.split, row.images) for row in rows} == {('search_val', '32')}
    assert len({row.weights for row in rows if row.loss == losses[2]}) == 1, 'one weight in all conditions'
    assert {row.weights for row in rows if row.loss == 'ce+l1'} == {'{"cls": 1.0, "box": 0.5}'}, 'as the hand-made'
    renamed = out.with_name('renamed.csv')
    renamed.write_text(out.read_text().replace('ce+l1', 'old').replace('"cls": 1.0', '"cls": 1.5'))
    before = renamed.read_text()
    assert run(record, monkeypatch, config, renamed, '--losses', '3', '--seeds', '1') == 0
    assert renamed.read_text() == before, 'names and weights of a file stay, so nothing is trained'


def test_an_interrupted_table_becomes_the_same(record, config: Path, tmp_path: Path, monkeypatch) -> None:
    """Rows have the same order with one worker, so the files are equal to the byte."""
    options = ('--losses', '2', '--seeds', '1', '--metrics', 'toy/score', 'toy/error')
    assert run(record, monkeypatch, config, tmp_path / 'whole/table.csv', *options) == 0
    settle, out = FiledTrainings._settle, tmp_path / 'torn/table.csv'
    settled = 0

    def interrupted(self: FiledTrainings, *args: object) -> list[ResultRow]:
        nonlocal settled
        settled += 1
        if settled == 4:
            raise KeyboardInterrupt
        return settle(self, *args)

    monkeypatch.setattr(FiledTrainings, '_settle', interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(record, monkeypatch, config, out, *options)
    assert len(read_results(out)) == 6
    out.write_text(out.read_text()[:-9])
    assert run(record, monkeypatch, config, out, *options) == 0
    assert settled == 4 + 8 - 3 + 1, 'the torn row is trained again, the others are not'
    assert out.read_text() == (tmp_path / 'whole/table.csv').read_text()


def test_a_checkpoint_and_a_seed_are_more_trainings(record, config: Path, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / 'table.csv'
    assert run(record, monkeypatch, config, out, '--losses', '1', '--seeds', '1', '--metrics', 'toy/score') == 0
    (trunk,) = (tmp_path / 'work/record/trunks').rglob('seed_0.pth')
    options = ('--losses', '1', '--seeds', '2', '--metrics', 'toy/score', '--checkpoint', str(trunk))
    assert run(record, monkeypatch, config, out, *options) == 0
    found = [(row.seed, row.begin, row.iterations, row.tail) for row in read_results(out)]
    ways = [*BEGINS, (CheckpointBegin(str(trunk)).label, 6, 6)]
    assert found == [(seed, *way) for seed in (0, 1) for way in ways]


def test_a_loss_that_fails_is_not_trained_again(record, config: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    options, out = ('--losses', '2', '--seeds', '1'), tmp_path / 'table.csv'
    settle, reasons = FiledTrainings._settle, iter(['not finite: a loss', 'the worker died'])

    def failed(self: FiledTrainings, trial, outcome: Outcome) -> list[ResultRow]:
        reason = next(reasons, None) if trial.genome else None
        return settle(self, trial, Outcome(State.FAILED, reason=reason) if reason else outcome)

    monkeypatch.setattr(FiledTrainings, '_settle', failed)
    assert run(record, monkeypatch, config, out, *options) == 0
    rows = read_results(out)
    assert [row.iterations for row in rows if math.isnan(row.value)] == [6, 6], 'a row a metric'
    assert len(rows) == 2 * (8 - 1)
    assert '2 trainings failed:\nnot finite: a loss\nthe worker died' in capsys.readouterr().out
    assert run(record, monkeypatch, config, out, *options) == 0
    assert [(row.iterations, row.loss) for row in read_results(out)[len(rows) :]] == [(18, 'ce+l1')] * 2


def test_losses_are_of_all_kinds_and_always_the_same(record, config: Path, tmp_path: Path) -> None:
    spec, losses = sampled(record, config, tmp_path / 'a', 30)
    assert losses == sampled(record, config, tmp_path / 'b', 30)[1]
    assert losses[:26] == sampled(record, config, tmp_path / 'c', 27)[1], 'a larger sample begins with a smaller one'
    names = [loss.name for loss in losses]
    assert len(set(names)) == 29 and {'ce+l1', 'mae+mse', 'ce + dice+l1', 'mutant-3'} <= set(names)
    mutants = [loss for loss in losses if loss.name.startswith('mutant')]
    assert [loss.name for loss in mutants] == [f'mutant-{k}' for k in range(1, len(mutants) + 1)]
    evaluator = record.ProxyEvaluator(spec.proxy)
    screens = record.screens_of(spec, evaluator, None)
    reasons = [{screens[name].judge(tree).reason for name, tree in loss.genome.items()} for loss in mutants]
    told = Counter('low gain' if 'low gain' in each else min(each) for each in reasons)
    assert told == {'accepted': len(mutants) - len(mutants) // 3, 'low gain': len(mutants) // 3}


def test_the_losses_of_a_file_stay_where_the_library_knows_others(record, config: Path, tmp_path: Path) -> None:
    losses = sampled(record, config, tmp_path / 'a', 23)[1]
    kept = [losses[0]._replace(name='old', weights={'cls': 1.5, 'box': 2.5}), *losses[19:]]
    assert [loss.name for loss in kept[1:]] == ['mutant-1', 'mutant-2', 'mutant-3']
    more = sampled(record, config, tmp_path / 'b', len(losses) + 2, kept)[1]
    assert more[:4] == kept and more[4:22] == losses[1:19], 'the known ones follow, but for those that are there'
    assert [loss.name for loss in more[22:]] == ['mutant-4'] and more[22] not in losses


def test_losses_fit_all_branches_of_a_segmentation_network(load) -> None:
    """Two branches of one kind have one name."""
    sample = load('loss_sample')
    branches = [Branch('decode', 'decode_head.loss_decode', 'softmax'), Branch('aux', 'aux.loss_decode', 'softmax')]
    losses = sample.sample_losses(branches, {}, 19)
    names = [loss.name for loss in losses]
    assert names[:3] == ['ce', 'focal_softmax', 'mae'] and 'ce + dice' in names
    assert all(set(loss.genome) == {'decode', 'aux'} for loss in losses)
    alone = [loss.name for loss in sample.sample_losses(branches[:1], {}, 21)]
    assert alone[-2:] == ['camvid_bf1_late', 'camvid_macc_late'], 'cards of one branch'


def test_a_list_trains_nothing(record, config: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    assert run(record, monkeypatch, config, tmp_path / 'table.csv', '--losses', '4', '--list') == 0
    told = capsys.readouterr().out
    assert [line.split()[0] for line in told.splitlines()[:3]] == ['loss', 'hand-made', 'ce+l1']
    assert not (tmp_path / 'table.csv').exists() and not (tmp_path / 'work/record/trunks').exists()


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (('--metrics', 'toy/eror'), "metric 'toy/eror' is not among the results"),
        (('--out', '.'), 'The rows need a file'),
        (('--checkpoint', 'none.pth'), "must be the file of a trained model on this machine, but got 'none.pth'"),
    ],
)
def test_wrong_input_is_told_before_any_work(
    record, config: Path, tmp_path: Path, monkeypatch, capsys, options: tuple[str, ...], text: str
) -> None:
    monkeypatch.setattr(record, 'sample', None)
    assert run(record, monkeypatch, config, tmp_path / 'table.csv', *options) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / 'table.csv').exists()


def test_a_search_from_scratch_has_no_late_losses(record, tmp_path: Path, monkeypatch, capsys) -> None:
    assert run(record, monkeypatch, write_toy(tmp_path), tmp_path / 'table.csv') == 2
    assert "candidates begin at a trunk: proxy=dict(begin='trunk')" in capsys.readouterr().err


def test_a_warm_up_too_short_to_be_shrunk_is_an_error_at_once(record, tmp_path: Path, monkeypatch, capsys) -> None:
    base = {'train_cfg.max_iters': 60, 'param_scheduler': [{**WARM_UP, 'end': 4}]}
    config = write_toy(tmp_path, {'proxy': {'begin': 'trunk'}}, base)
    assert run(record, monkeypatch, config, tmp_path / 'table.csv', '--losses', '2') == 2
    assert 'The config cannot be built' in capsys.readouterr().err
    assert not (tmp_path / 'work/record/trunks').exists()
