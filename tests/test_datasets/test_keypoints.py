"""The digit scenes as mmpose reads them, and the pose configs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('mmcv')
pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import DATASETS
from mmpose.utils import register_all_modules

import mmautoloss.datasets.keypoints  # noqa: F401  registers DigitKeypoints
from mmautoloss.datasets import KEYPOINTS, SPLITS, SceneSettings
from tests.isolation import ROOT

CONFIGS = ROOT / 'configs'
FLIP = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='RandomFlip', prob=1.0)]


@pytest.fixture(autouse=True)
def scope():
    register_all_modules(init_default_scope=True)


def split_of(split: str, pipeline: list | None = None, **more):
    """Builds one split from a config dict."""
    return DATASETS.build(
        dict(
            type='DigitKeypoints',
            ann_file=f'annotations/{split}.json',
            data_prefix=dict(img=f'{split}/'),
            pipeline=pipeline or [dict(type='LoadImage')],
            **more,
        )
    )


@pytest.mark.parametrize('split', SPLITS)
def test_reads_every_digit_with_its_keypoints(scenes, tables, split):
    annotations = tables[split]['annotations']
    samples = list(split_of(split, data_root=str(scenes)))
    assert [sample['id'] for sample in samples] == [item['id'] for item in annotations]
    for sample, item in zip(samples, annotations, strict=True):
        points = np.reshape(item['keypoints'], (1, len(KEYPOINTS), 3))
        np.testing.assert_array_equal(sample['keypoints'], points[..., :2])
        np.testing.assert_array_equal(sample['keypoints_visible'], np.ones((1, len(KEYPOINTS))))
        left, top, right, bottom = sample['bbox'][0]
        assert sample['keypoints'][0, 0, 1] == top
        assert sample['keypoints'][0, 2, 0] == left
        assert (right - left, bottom - top) == tuple(np.minimum(item['bbox'][2:], 63 - np.array(item['bbox'][:2])))


def test_mirrored_picture_swaps_left_and_right(scenes):
    plain = split_of('train', data_root=str(scenes))
    mirrored = split_of('train', FLIP, data_root=str(scenes))
    for one, two in zip(plain, mirrored, strict=True):
        np.testing.assert_array_equal(two['img'], one['img'][:, ::-1])
        width = one['img'].shape[1]
        top, bottom, left, right = one['keypoints'][0] * (-1, 1) + (width - 1, 0)
        np.testing.assert_array_equal(two['keypoints'][0], [top, bottom, right, left])


def test_makes_its_data_only_when_no_root_is_given(monkeypatch, tmp_path, scenes, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    split_of('val', data_root=str(scenes))
    assert list(tmp_path.iterdir()) == []
    dataset = split_of('val', scenes=small)
    assert Path(dataset.data_root) == tmp_path / SceneSettings(**small).folder()
    assert len({sample['img_id'] for sample in dataset}) == small['val']


def test_digits_config_trains_and_scores(monkeypatch, tmp_path, small):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path))
    config = Config.fromfile(CONFIGS / 'digits' / 'pose.py')
    for name in ('train', 'val', 'test'):
        config[f'{name}_dataloader'].dataset.scenes = small
    config.train_cfg.update(max_iters=2, val_interval=2)
    config.work_dir, config.experiment_name = str(tmp_path / 'work'), tmp_path.name
    config.visualizer.update(name=tmp_path.name)
    runner = Runner.from_cfg(config)
    runner.train()
    scalars = runner.message_hub.log_scalars
    assert scalars['train/loss_kpt'].current() > 0
    assert 'train/acc_pose' not in scalars, 'the head scores its training batches'
    assert 0 <= scalars['val/PCK'].current() <= 1
    assert 0 <= runner.test()['PCK'] <= 1


@pytest.mark.parametrize('name', ['digits', 'lsp'])
def test_search_config_scores_on_training_data(name):
    """The plain config of a search looks at other samples than the search, and is otherwise the same."""
    base = Config.fromfile(CONFIGS / name / 'pose.py')
    search = Config.fromfile(CONFIGS / name / 'pose_search.py')
    assert Path(search.train_cfg.base_config) == CONFIGS / name / 'pose.py'
    assert search.train_cfg.proxy.schedule.max_iters == base.train_cfg.max_iters
    assert (search.model, search.optim_wrapper) == (base.model, base.optim_wrapper)
    seen = {'train': search.train_dataloader.dataset, 'scored': search.val_dataloader.dataset}
    unseen = base.test_dataloader.dataset.ann_file
    assert unseen not in [dataset.ann_file for dataset in seen.values()]
    if seen['train'].ann_file == seen['scored'].ann_file:
        assert seen['scored'].indices - seen['train'].indices == 800, 'the parts of the training images meet'


def test_mirrored_joints_of_lsp_are_pairs():
    meta = parse_pose_metainfo(Config.fromfile(CONFIGS / 'lsp' / 'pose.py').metainfo)
    names = [meta['keypoint_id2name'][index] for index in range(14)]
    mirrored = [names[index] for index in meta['flip_indices']]
    swapped = [name.replace('left', 'RIGHT').replace('right', 'left').lower() for name in names]
    assert mirrored == swapped
    assert len(meta['sigmas']) == len(meta['dataset_keypoint_weights']) == 14
    assert [meta['sigmas'][index] for index in meta['flip_indices']] == list(meta['sigmas'])
