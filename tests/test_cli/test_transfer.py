"""``mmautoloss transfer``: the losses of a search of the toy in other configs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

pytest.importorskip('mmengine')

from mmengine.registry import MODELS

from mmautoloss import engine
from mmautoloss.__main__ import main
from mmautoloss.engine.training.transfer import Transfer
from mmautoloss.errors import SetupError
from mmautoloss.report import read_results
from mmautoloss.testing.toy import ToyHead
from mmautoloss.testing.toy_searches import BASE, changed, run_toy, toy_config
from mmautoloss.trial import History, read_history


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search."""
    cfg = toy_config(tmp_path_factory.mktemp('toy'))
    run_toy(cfg)
    return Path(cfg.work_dir)


@pytest.fixture(scope='module')
def history(work_dir: Path) -> History:
    return read_history(work_dir / 'journal.jsonl')[1]


def write_base(folder: Path, name: str, **changes) -> Path:
    """A plain config of the toy."""
    path = folder / f'{name}.py'
    plain = changed(BASE, changes)
    path.write_text('\n'.join(f'{key} = {value!r}' for key, value in plain.items()))
    return path


def test_trains_every_loss_as_the_other_config_says(work_dir: Path, history: History, tmp_path: Path, capsys) -> None:
    base = write_base(tmp_path, 'other', **{'train_cfg.max_iters': 12, 'model.head.loss_cls.loss_weight': 3.0})
    rows_file = tmp_path / 'rows.csv'
    command = ['transfer', str(work_dir), str(base), '--best', '1', '--also', 'mse', '--results', str(rows_file)]
    command += ['--workers', '1', '--describe', 'set=elsewhere']
    assert main([*command, '--seeds', '1']) == 0
    best = history.winner()
    rows = read_results(rows_file)
    assert [row.loss for row in rows] == ['ToyCrossEntropy+ToyL1', 'mse+mse, usual weight', f'found-{best.number}']
    assert {(row.set, row.network, row.iterations, row.seed) for row in rows} == {('elsewhere', 'other', 12, 100)}
    assert len({row.value for row in rows}) == 3
    assert 'few seeds' in capsys.readouterr().out

    assert main([*command, '--seeds', '2']) == 0
    assert [row.seed for row in read_results(rows_file)] == [100] * 3 + [101] * 3, 'what is filed is not trained again'


def test_map_says_where_a_loss_goes(work_dir: Path, history: History, tmp_path: Path) -> None:
    number = history.winner().number
    base, rows_file = write_base(tmp_path, 'other'), tmp_path / 'rows.csv'
    command = ['transfer', str(work_dir), str(base), '--trials', str(number), '--seeds', '1', '--workers', '1']
    assert main([*command, '--results', str(rows_file), '--map', 'head.loss_box=box']) == 0
    found = read_results(rows_file)[-1]
    losses = json.loads(found.expression)
    assert losses == dict(zip(('head_cls', 'head_box'), history[number].genome.to_text().values(), strict=True))


def test_rows_go_into_the_work_dir_by_default(work_dir: Path, tmp_path: Path) -> None:
    base = write_base(tmp_path, 'other')
    command = ['transfer', str(work_dir), str(base), '--best', '1', '--seeds', '1', '--workers', '1']
    assert main(command) == 0
    assert len(read_results(work_dir / 'transfer.csv')) == 2
    assert main([*command, '--metrics', 'toy/score', 'toy/error']) == 0
    assert [row.metric for row in read_results(work_dir / 'transfer.csv')] == ['toy/score'] * 2 + ['toy/error'] * 2


@pytest.mark.parametrize(
    ('options', 'text'),
    [
        (['--trials', '999'], '--trials: there is no trial 999 with a new loss'),
        (['--trials', '0'], '--trials: there is no trial 0 with a new loss'),
        (['--map', 'cls'], '--map must be NAME=VALUE'),
        (['--map', 'head.loss_mask=cls'], "this model has no loss 'head.loss_mask'"),
        (['--also', 'giou'], "branch 'cls'"),
        (['--search-config', 'nowhere.py'], 'nowhere.py'),
    ],
)
def test_what_cannot_work(work_dir: Path, tmp_path: Path, capsys, options: list[str], text: str) -> None:
    base = write_base(tmp_path, 'other')
    assert main(['transfer', str(work_dir), str(base), '--seeds', '1', *options]) == 2
    assert text in capsys.readouterr().err


def test_images_that_the_search_has_seen_are_refused(work_dir: Path, tmp_path: Path, capsys, monkeypatch) -> None:
    place = {'ann_file': 'seen.json', 'data_root': str(tmp_path)}
    (tmp_path / 'seen.json').write_text('{}')
    base = write_base(tmp_path, 'other', **{f'val_dataloader.dataset.{key}': value for key, value in place.items()})
    load = engine.load_spec

    def with_files(*args):
        spec = load(*args)
        spec.proxy.config['train_dataloader']['dataset'].update(place)
        return spec

    monkeypatch.setattr(engine, 'load_spec', with_files)
    assert main(['transfer', str(work_dir), str(base), '--seeds', '1', '--describe', 'set=files']) == 2
    assert 'judged on images that they have seen' in capsys.readouterr().err


def test_settings_of_the_config_are_replaced_and_told(work_dir: Path, tmp_path: Path, capsys) -> None:
    base, rows_file = write_base(tmp_path, 'other'), tmp_path / 'rows.csv'
    command = ['transfer', str(work_dir), str(base), '--best', '1', '--seeds', '1', '--workers', '1']
    command += ['--results', str(rows_file), '--cfg-options', 'train_cfg.max_iters=9']
    assert main(command) == 2
    assert 'would not show that train_cfg.max_iters was changed' in capsys.readouterr().err
    assert main([*command, '--describe', 'network=short']) == 0
    assert {(row.network, row.iterations) for row in read_results(rows_file)} == {('short', 9)}


def test_a_failed_training_spares_the_others(work_dir: Path, tmp_path: Path, capsys) -> None:
    rows_file = tmp_path / 'rows.csv'
    base = write_base(tmp_path, 'other', **{'model.head.loss_cls': {'type': 'ToyCrossEntropy', 'loss_weight': 1e38}})
    command = ['transfer', str(work_dir), str(base), '--best', '1', '--seeds', '2', '--workers', '1']
    assert main([*command, '--results', str(rows_file)]) == 2
    told = capsys.readouterr()
    assert '2 of 4 trainings of the comparison failed' in told.err
    assert 'toy/score on val' in told.out, 'the table of those that did not'
    assert len(read_results(rows_file)) == 2


@MODELS.register_module()
class ToyClassHead(ToyHead):
    """A head that only classifies."""

    def __init__(self, loss_cls: dict) -> None:
        super().__init__(loss_cls, {'type': 'ToyL1'})
        del self.loss_box

    def loss_box(self, pred: Tensor, *args, **kwargs) -> Tensor:
        return 0.0 * pred.sum()


def test_a_loss_without_a_place_is_named(work_dir: Path, tmp_path: Path, capsys) -> None:
    head = {'type': 'ToyClassHead', 'loss_cls': {'type': 'ToyCrossEntropy'}}
    for name, changes, told in (
        ('both', {}, []),
        ('classes', {'model.head': head}, ['box: has no place in this model']),
    ):
        base, rows_file = write_base(tmp_path, name, **changes), tmp_path / f'{name}.csv'
        command = ['transfer', str(work_dir), str(base), '--best', '1', '--seeds', '1', '--workers', '1']
        assert main([*command, '--results', str(rows_file)]) == 0
        assert [line for line in capsys.readouterr().out.splitlines() if 'has no place' in line] == told
        assert list(json.loads(read_results(rows_file)[-1].expression)) == ['cls', 'box'][: 2 - len(told)]


def test_a_metric_that_the_config_lacks_is_told_before_anything_is_trained(
    work_dir: Path, tmp_path: Path, capsys, monkeypatch
) -> None:
    load = engine.load_spec

    def with_other_metric(*args):
        spec = load(*args)
        return replace(spec, proxy=replace(spec.proxy, metric='toy/other'))

    monkeypatch.setattr(engine, 'load_spec', with_other_metric)
    base, rows_file = write_base(tmp_path, 'other'), tmp_path / 'rows.csv'
    command = ['transfer', str(work_dir), str(base), '--seeds', '1', '--workers', '1', '--results', str(rows_file)]
    assert main(command) == 2
    assert "metric 'toy/other' is not among the results" in capsys.readouterr().err
    assert not rows_file.exists()


@pytest.mark.parametrize(
    ('changes', 'options', 'text'),
    [
        ({'train_cfg': None}, [], 'cannot be trained with other losses: it needs train_cfg'),
        ({}, ['--describe', 'netwrok=x'], 'Rows are described by task, set, network, hand_made, but got netwrok'),
    ],
    ids=['no schedule', 'no such description'],
)
def test_configs_that_cannot_work(work_dir: Path, tmp_path: Path, capsys, changes, options, text) -> None:
    base = write_base(tmp_path, 'other', **changes)
    command = ['transfer', str(work_dir), str(base), '--best', '1', '--seeds', '1', '--workers', '1', *options]
    assert main([*command, '--results', str(tmp_path / 'rows.csv')]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / 'rows.csv').exists(), 'before anything is trained'


def reading(root: Path | None) -> dict:
    """Changes of the toy's plain config: both of its data sets lie below a folder."""
    keys = ('train_dataloader.dataset.data_root', 'val_dataloader.dataset.data_root')
    return {} if root is None else dict.fromkeys(keys, str(root))


@pytest.mark.parametrize(
    ('ours', 'theirs', 'same'),
    [
        pytest.param('site1/camvid', 'site2/camvid', False, id='folders of one name'),
        pytest.param(None, 'site1/camvid', False, id='made by itself and read'),
        pytest.param('site1/camvid', None, False, id='read and made by itself'),
        pytest.param('site1/camvid', 'site1/../site1/camvid/', True, id='spelled otherwise'),
        pytest.param('site1/camvid', 'link', True, id='link'),
        pytest.param(None, None, True, id='made by the same type'),
    ],
)
def test_data_of_another_place_are_to_be_named(work_dir: Path, tmp_path: Path, ours, theirs, same: bool) -> None:
    for site in ('site1', 'site2'):
        (tmp_path / site / 'camvid').mkdir(parents=True)
    (tmp_path / 'link').symlink_to(tmp_path / 'site1/camvid')
    roots = [reading(path and tmp_path / path) for path in (ours, theirs)]
    spec = engine.load_spec(work_dir)
    spec.base.merge_from_dict(roots[0])
    base = write_base(tmp_path, 'other', **roots[1])
    if not same:
        with pytest.raises(SetupError, match=r'--describe set=NAME; the name of before, if they have only moved'):
            Transfer(spec, base, {}, {}, {})
    Transfer(spec, base, {}, {}, {} if same else {'set': 'vectors'})


def test_a_test_set_of_the_config_is_what_is_scored(work_dir: Path, tmp_path: Path) -> None:
    loader = {**BASE['val_dataloader'], 'dataset': {'type': 'ToyScenes', 'length': 16, 'seed': 3}}
    test = {'test_dataloader': loader, 'test_evaluator': {'type': 'ToyMetric'}, 'test_cfg': {'type': 'TestLoop'}}
    rows = {}
    for name, changes in (('test', test), ('val', {'val_dataloader': loader})):
        base, path = write_base(tmp_path, name, **changes), tmp_path / f'{name}.csv'
        command = ['transfer', str(work_dir), str(base), '--best', '1', '--seeds', '1', '--workers', '1']
        assert main([*command, '--results', str(path)]) == 0
        rows[name] = read_results(path)
        assert {row.split for row in rows[name]} == {name}
    assert [row.value for row in rows['test']] == [row.value for row in rows['val']]
