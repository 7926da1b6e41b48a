"""A metric with a file of its own must read the truth of what is validated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmautoloss import evaluate
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.config.read import read_config
from mmautoloss.engine.data.ground_truth import require_matching_truth
from mmautoloss.errors import SetupError
from mmautoloss.testing.toy_searches import write_toy
from tests.isolation import ROOT

TRAIN, VAL = {'data_root': 'data', 'ann_file': 'train.json'}, {'data_root': 'data', 'ann_file': 'val.json'}
CONFIGS = ROOT / 'configs'


def metric(file: str | None = None) -> dict[str, Any]:
    return {'type': 'CocoMetric', **({} if file == 'absent' else {'ann_file': file})}


def config(evaluator: Any, *datasets: dict[str, Any]) -> Config:
    dataset = datasets[0] if len(datasets) == 1 else {'type': 'ConcatDataset', 'datasets': list(datasets)}
    return Config({'val_dataloader': {'dataset': dataset}, 'val_evaluator': evaluator})


def each(*metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {'type': 'MultiDatasetsEvaluator', 'metrics': list(metrics), 'dataset_prefixes': ['a', 'b'], **more}


RIGHT = {
    'no file': config(metric(), {**TRAIN, 'indices': 45}),
    'no such argument': config(metric('absent'), {**TRAIN, 'indices': 45}),
    'the same file': config(metric('data/val.json'), VAL),
    'the same file, spelled otherwise': config(metric('data/../data/val.json'), VAL),
    'filters that a test does not ask': config(
        metric('data/val.json'), {**VAL, 'filter_cfg': {'min_size': 3}, 'test_mode': True}
    ),
    'a filter that leaves nothing out': config(metric('data/val.json'), {**VAL, 'filter_cfg': {'filter_empty_gt': False}}),
    'a list': config([metric('data/val.json'), {'type': 'VOCMetric'}], VAL),
    'data that are made': config(metric('data/val.json'), {'type': 'DigitScenes'}),
    'one of each': config(each(metric('data/train.json'), metric('data/val.json')), TRAIN, VAL),
    'one of each, named': config(
        each(metric('data/train.json'), metric('data/val.json'), datasets=[TRAIN, VAL]),
        {'type': 'Combined', 'datasets': [VAL, TRAIN]},
    ),
}  # fmt: skip


@pytest.mark.parametrize('cfg', RIGHT.values(), ids=RIGHT)
def test_right(cfg):
    require_matching_truth(cfg)


WRONG = {
    'another file': (config(metric('data/val.json'), TRAIN), 'truth from data/val.json, .* images of data/train.json'),
    'a part of the file': (config(metric('data/train.json'), {**TRAIN, 'indices': 45}), r'a part of it \(indices=45\)'),
    'no image of the file': (config(metric('data/train.json'), {**TRAIN, 'indices': 0}), r'a part of it \(indices=0\)'),
    'filtered': (config(metric('data/val.json'), {**VAL, 'filter_cfg': {'min_size': 3}}), 'a part of it .*filter_cfg'),
    'a part of the people': (config(metric('data/val.json'), {**VAL, 'sample_interval': 2}), 'sample_interval=2'),
    'a path': (config(metric(Path('data/val.json')), TRAIN), 'images of data/train.json'),
    'in a list': (config([{'type': 'VOCMetric'}, metric('data/val.json')], TRAIN), 'images of data/train.json'),
    'in a wrapper': (config(metric('data/val.json'), {'type': 'RepeatDataset', 'dataset': TRAIN}), 'data/train.json'),
    'two data sets': (config(metric('data/val.json'), VAL, TRAIN), 'images of data/train.json'),
    'one of each, exchanged': (config(each(metric('data/val.json'), metric('data/train.json')), TRAIN, VAL), 'val.json'),
    'one of each, a part': (
        config(each(metric('data/train.json'), metric('data/val.json')), TRAIN, {**VAL, 'indices': -5}), 'indices=-5',
    ),
}  # fmt: skip


@pytest.mark.parametrize(('cfg', 'message'), WRONG.values(), ids=WRONG)
def test_wrong(cfg, message):
    with pytest.raises(SetupError, match=f'{message}.*Set ann_file=None in val_evaluator'):
        require_matching_truth(cfg)


@pytest.mark.parametrize('path', sorted(CONFIGS.rglob('*_search*.py')), ids=lambda path: path.stem)
def test_shipped_configs_read_their_own_truth(path):
    require_matching_truth(read_config(path))


@pytest.mark.parametrize(('other', 'fits'), [([2, 1], True), ([1, 2, 3], False), ([1], False)])
def test_another_file_about_the_same_images(tmp_path, other, fits):
    """As the instances and the panoptic masks of COCO."""
    for name, ids in (('one', [1, 2]), ('other', other)):
        (tmp_path / f'{name}.json').write_text(json.dumps({'images': [{'id': each} for each in ids]}))
    cfg = config(metric(str(tmp_path / 'other.json')), {'ann_file': str(tmp_path / 'one.json')})
    if fits:
        require_matching_truth(cfg)
    else:
        with pytest.raises(SetupError, match='would count as missed'):
            require_matching_truth(cfg)


def test_one_file_for_several_data_sets(tmp_path):
    files = {'joined': [1, 2, 3], 'one': [1, 2], 'other': [3]}
    for name, ids in files.items():
        (tmp_path / f'{name}.json').write_text(json.dumps({'images': [{'id': each} for each in ids]}))
    joined, one, other = (str(tmp_path / f'{name}.json') for name in files)
    both = [{'ann_file': one}, {'ann_file': other}]
    require_matching_truth(config(metric(joined), *both))
    require_matching_truth(config({'type': 'Evaluator', 'metrics': [metric(joined), metric(joined)]}, *both))
    with pytest.raises(SetupError, match='would count as missed'):
        require_matching_truth(config(metric(one), *both))


def test_refused_before_anything_is_built(tmp_path):
    base = {'val_dataloader.dataset.ann_file': 'val.json', 'val_evaluator.ann_file': 'train.json'}
    path = write_toy(tmp_path, base=base)
    with pytest.raises(SetupError, match='Set ann_file=None in val_evaluator'):
        spec_of(load_search_config(str(path), str(tmp_path / 'work')))
    with pytest.raises(SetupError, match='Set ann_file=None in val_evaluator'):
        evaluate(tmp_path / 'toy.py')
