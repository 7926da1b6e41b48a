"""The digit scenes as mmdet reads them, and the config built on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmcv')
pytest.importorskip('mmdet')

from mmdet.registry import DATASETS
from mmdet.utils import register_all_modules
from mmengine.config import Config

import mmautoloss.datasets.coco  # noqa: F401  registers DigitScenes
from mmautoloss.datasets import CLASSES, SceneSettings
from tests.isolation import ROOT

CONFIGS = ROOT / 'configs'


@pytest.fixture(autouse=True)
def scope():
    register_all_modules(init_default_scope=True)


def split_of(kind: str, split: str, **more):
    """Builds one split from a config dict, with boxes and masks loaded."""
    return DATASETS.build(
        dict(
            type=kind,
            ann_file=f'annotations/{split}.json',
            data_prefix=dict(img=f'{split}/'),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
                dict(type='PackDetInputs'),
            ],
            **more,
        )
    )


def test_makes_its_data_when_no_root_is_given(monkeypatch, tmp_path, scenes, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    dataset = split_of('DigitScenes', 'val', scenes=small)
    assert Path(dataset.data_root) == tmp_path / SceneSettings(**small).folder()
    assert len(dataset) == small['val']
    assert dataset.metainfo['classes'] == CLASSES


def test_reads_a_given_root_and_makes_nothing(monkeypatch, scenes, tmp_path, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    assert len(split_of('DigitScenes', 'train', data_root=str(scenes))) == small['train']
    assert list(tmp_path.iterdir()) == []


def test_stock_dataset_reads_the_same_samples(scenes, pictures, small):
    stock = split_of('CocoDataset', 'train', data_root=str(scenes), metainfo={'classes': CLASSES})
    ours = split_of('DigitScenes', 'train', data_root=str(scenes))
    assert len(stock) == len(ours) == small['train']
    for one, two, (image, _labels, instances) in zip(stock, ours, pictures, strict=False):
        np.testing.assert_array_equal(one['inputs'], two['inputs'])
        np.testing.assert_array_equal(one['inputs'].permute(1, 2, 0), image)
        truth = two['data_samples'].gt_instances
        assert truth.labels.tolist() == [item['category_id'] - 1 for item, _ in instances]
        np.testing.assert_array_equal(truth.masks.masks, [mask for _, mask in instances])
        boxes = np.array([item['bbox'] for item, _ in instances])
        boxes[:, 2:] += boxes[:, :2]
        np.testing.assert_array_equal(truth.bboxes.tensor, boxes)


def test_config_scores_a_search_on_its_own_split():
    config = Config.fromfile(CONFIGS / 'digits' / 'faster_rcnn.py')
    loaders = config.train_dataloader, config.val_dataloader, config.test_dataloader
    assert [loader.dataset.ann_file for loader in loaders] == [
        'annotations/train.json',
        'annotations/search_val.json',
        'annotations/val.json',
    ]
    assert config.train_cfg.max_iters == config.max_iters


def test_config_trains_and_scores(monkeypatch, tmp_path, small):
    from mmengine.runner import Runner

    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    config = Config.fromfile(CONFIGS / 'digits' / 'faster_rcnn.py')
    for name in ('train', 'val', 'test'):
        config[f'{name}_dataloader'].dataset.scenes = small
    config.train_cfg.update(max_iters=2, val_interval=2)
    config.work_dir, config.experiment_name = str(tmp_path / 'work'), tmp_path.name
    config.visualizer.update(name=tmp_path.name)
    runner = Runner.from_cfg(config)
    runner.train()
    scalars = runner.message_hub.log_scalars
    losses = {'loss_rpn_cls', 'loss_rpn_bbox', 'loss_cls', 'loss_bbox'}
    for name in losses:
        assert np.isfinite(scalars[f'train/{name}'].current())
    assert 0 <= runner.test()['coco/bbox_mAP_50'] <= 1
