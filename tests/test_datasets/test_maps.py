"""The digit scenes as mmseg reads them, and the configs of semantic segmentation."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

pytest.importorskip('mmcv')
pytest.importorskip('mmseg')

from mmengine.config import Config
from mmseg.registry import DATASETS
from mmseg.utils import register_all_modules

from mmautoloss.datasets import CLASSES, SPLITS, SceneSettings
from mmautoloss.datasets.maps import FOREGROUND
from tests.isolation import ROOT

CONFIGS = ROOT / 'configs'
BASES = [
    'digits/deeplabv3plus.py',
    'camvid/deeplabv3plus.py',
    'deeplabv3plus.py',
    'transfer/deeplabv3plus_r101.py',
    'transfer/pspnet.py',
    'transfer/deeplabv3plus_cityscapes.py',
]
SEARCHES = sorted(str(path.relative_to(CONFIGS)) for path in CONFIGS.glob('**/deeplabv3plus_search*.py'))


@pytest.fixture(autouse=True)
def scope():
    register_all_modules(init_default_scope=True)


def split_of(split: str, **more):
    """Builds one split from a config dict."""
    return DATASETS.build(
        dict(
            type='DigitMaps',
            data_prefix=dict(img_path=split, seg_map_path=f'labels/{split}'),
            pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')],
            **more,
        )
    )


@pytest.mark.parametrize('split', SPLITS)
def test_pixels_are_those_on_disk(split, scenes, small):
    dataset = split_of(split, data_root=str(scenes))
    assert len(dataset) == small[split]
    for number, sample in enumerate(dataset, start=1):
        image = cv2.imread(str(scenes / split / f'{number:06d}.png'))
        labels = cv2.imread(str(scenes / 'labels' / split / f'{number:06d}.png'), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(sample['inputs'].permute(1, 2, 0), image)
        np.testing.assert_array_equal(sample['data_samples'].gt_sem_seg.data[0], labels)
        assert 0 < labels.max() <= len(CLASSES)


def test_digits_can_be_one_class(scenes):
    dataset = split_of(
        'train', data_root=str(scenes), metainfo=dict(classes=FOREGROUND, palette=[(0, 0, 0), (9, 9, 9)])
    )
    for coarse, fine in zip(dataset, split_of('train', data_root=str(scenes)), strict=True):
        labels = fine['data_samples'].gt_sem_seg.data
        assert labels.max() > 1
        assert torch.equal(coarse['data_samples'].gt_sem_seg.data, (labels > 0).to(labels.dtype))


def test_a_class_that_is_not_named_is_ignored(scenes):
    dataset = split_of('train', data_root=str(scenes), metainfo=dict(classes=('background', 'three')))
    found = torch.cat([sample['data_samples'].gt_sem_seg.data.flatten() for sample in dataset]).unique()
    assert set(found.tolist()) <= {0, 1, 255} and 255 in found


def test_makes_its_data_when_no_root_is_given(monkeypatch, tmp_path, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    dataset = split_of('val', scenes=small)
    assert Path(dataset.data_root) == tmp_path / SceneSettings(**small).folder()
    assert len(dataset) == small['val']
    assert dataset.metainfo['classes'] == ('background', *CLASSES)
    assert len(dataset.metainfo['palette']) == 11


def test_reads_a_given_root_and_makes_nothing(monkeypatch, scenes, tmp_path, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    assert len(split_of('train', data_root=str(scenes))) == small['train']
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', BASES)
def test_base_config_has_a_hand_made_loss_in_each_head(name):
    """``tests/test_configs.py`` builds them."""
    config = Config.fromfile(CONFIGS / name)
    for head in ('decode_head', 'auxiliary_head'):
        assert config.model[head].loss_decode.type == 'CrossEntropyLoss'
    assert config.val_evaluator == dict(type='mmautoloss.SegmentationMetric')


@pytest.mark.parametrize('name', SEARCHES)
def test_search_config_scores_what_its_name_says_on_held_out_training_data(name):
    config = Config.fromfile(CONFIGS / name)
    settings, scored = config.train_cfg, config.val_dataloader.dataset
    assert settings.type == 'mmautoloss.SearchLoop'
    assert settings.metric.lower() == (
        name.rpartition('search_')[2].removesuffix('.py') if '_search_' in name else 'miou'
    )
    base = Config.fromfile(settings.base_config)
    assert scored != base.test_dataloader.dataset
    for branch in settings.branches.values():
        head, _, loss = branch.path.partition('.')
        assert base.model[head][loss].type == 'CrossEntropyLoss'


def test_train_and_scoring_parts_of_camvid_are_apart():
    config = Config.fromfile(CONFIGS / 'camvid' / 'deeplabv3plus_search_miou.py')
    train, scored = config.train_dataloader.dataset, config.val_dataloader.dataset
    assert train.data_prefix == scored.data_prefix
    assert train.indices - scored.indices == 367


def test_config_trains_and_scores(monkeypatch, tmp_path, small):
    from mmengine.runner import Runner

    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    config = Config.fromfile(CONFIGS / 'digits' / 'deeplabv3plus.py')
    for name in ('train', 'val', 'test'):
        config[f'{name}_dataloader'].dataset.scenes = small
    config.train_cfg.update(max_iters=2, val_interval=2)
    config.work_dir, config.experiment_name = str(tmp_path / 'work'), tmp_path.name
    config.visualizer.update(name=tmp_path.name)
    runner = Runner.from_cfg(config)
    runner.train()
    scalars = runner.message_hub.log_scalars
    for name in ('decode.loss_ce', 'aux.loss_ce'):
        assert np.isfinite(scalars[f'train/{name}'].current())
    assert 0 <= scalars['val/mIoU'].current() <= 1
    assert 0 < runner.test()['mIoU'] <= 1
