"""Options and data roots of a config."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from mmautoloss.engine import apply_options, check_files
from mmautoloss.errors import SetupError


def dataset(**fields) -> dict:
    return {
        'type': 'CocoDataset',
        'data_root': 'data/coco/',
        'ann_file': 'annotations/train.json',
        **fields,
    }


def config() -> Config:
    """Data sets plain, repeated and joined; evaluators and others that spell the root out."""
    return Config(
        {
            'data_root': 'data/coco/',
            'train_dataloader': {'dataset': {'type': 'RepeatDataset', 'dataset': dataset()}},
            'val_dataloader': {
                'dataset': {
                    'type': 'ConcatDataset',
                    'datasets': [dataset(), dataset(data_root='data/other/')],
                }
            },
            'test_dataloader': {'dataset': dataset(ann_file='data/coco/annotations/val.json')},
            'val_evaluator': [{'ann_file': 'data/coco/annotations/val.json'}],
            'model': {'type': 'data/coco_like', 'weights': 'data/coco2/a.pth'},
        }
    )


def test_new_root_replaces_the_old_one_everywhere() -> None:
    cfg = config()
    apply_options(cfg, {'data_root': '/new', 'model.type': 'X'})
    assert cfg.data_root == '/new'
    assert cfg.train_dataloader.dataset.dataset.data_root == '/new'
    assert [d.data_root for d in cfg.val_dataloader.dataset.datasets] == ['/new', 'data/other/']
    assert cfg.test_dataloader.dataset.ann_file == '/new/annotations/val.json'
    assert cfg.val_evaluator[0].ann_file == '/new/annotations/val.json'
    assert cfg.model == {'type': 'X', 'weights': 'data/coco2/a.pth'}, 'a name that only looks alike'


def test_root_without_a_slash_is_no_prefix_of_other_names() -> None:
    cfg = config()
    apply_options(cfg, {'data_root': 'data/coco', 'test_dataloader.dataset.data_root': 'data/coco'})
    apply_options(cfg, {'data_root': '/new'})
    assert cfg.model.weights == 'data/coco2/a.pth'
    assert cfg.test_dataloader.dataset.data_root == '/new'


def test_other_options_are_merged() -> None:
    cfg = config()
    before = cfg.to_dict()
    apply_options(cfg, {'val_evaluator.0.ann_file': 'x.json'})
    before['val_evaluator'][0]['ann_file'] = 'x.json'
    assert cfg.to_dict() == before


def test_root_that_no_data_set_has() -> None:
    cfg = Config({'train_dataloader': {'dataset': {'type': 'ToyScenes'}}})
    with pytest.raises(SetupError, match='no data set of this config has a data_root'):
        apply_options(cfg, {'data_root': '/new'})


def test_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    cfg = config()
    apply_options(cfg, {'data_root': str(tmp_path)})
    with pytest.raises(SetupError) as caught:
        check_files(cfg)
    text = str(caught.value)
    assert f'train_dataloader reads {tmp_path}/annotations/train.json' in text
    assert '--cfg-options data_root=' in text


def test_files_that_are_there_pass(tmp_path: Path) -> None:
    (tmp_path / 'annotations').mkdir()
    for name in ('train', 'val'):
        (tmp_path / 'annotations' / f'{name}.json').touch()
    cfg = config()
    apply_options(cfg, {'data_root': str(tmp_path), 'val_dataloader': None})
    check_files(cfg)


@pytest.mark.parametrize(
    'fields',
    [
        pytest.param({'data_root': None}, id='made by the data set'),
        pytest.param({'ann_file': '', 'data_root': None}, id='no file'),
        pytest.param({'data_root': 's3://bucket/coco'}, id='remote'),
    ],
)
def test_what_cannot_be_looked_up_is_left_alone(fields: dict) -> None:
    check_files(Config({'train_dataloader': {'dataset': dataset(**fields)}}))


def test_missing_root_of_a_data_set_without_annotation_file(tmp_path):
    dataset = {'type': 'BaseSegDataset', 'data_root': str(tmp_path / 'camvid'), 'data_prefix': {'img_path': 'img'}}
    cfg = Config({'train_dataloader': {'dataset': dataset}})
    with pytest.raises(SetupError, match=r'train_dataloader reads .*camvid.*does not exist'):
        check_files(cfg)
    (tmp_path / 'camvid').mkdir()
    check_files(cfg)
