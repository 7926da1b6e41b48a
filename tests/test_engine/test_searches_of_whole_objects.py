"""Whole searches of centres, of masks as a whole, of persons as a whole, and of students of a teacher."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmcv.ops')
pytest.importorskip('mmdet')
pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmautoloss.branches import find_losses
from mmautoloss.engine import launch, load_search_config, spec_of
from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss
from mmautoloss.trial import History, Role
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

SCENES = {'size': 64, 'train': 12, 'search_val': 6, 'val': 6, 'test': 3, 'seed': 3}
CENTERNET = {
    'type': 'CenterNet',
    'neck': {
        'type': 'CTResNetNeck', 'in_channels': 32, 'num_deconv_filters': (16,), 'num_deconv_kernels': (4,), 'use_dcn': False,
    },
    'bbox_head': {
        'type': 'CenterNetHead', 'num_classes': 10, 'in_channels': 16, 'feat_channels': 16,
        'loss_center_heatmap': {'type': 'GaussianFocalLoss'},
        'loss_wh': {'type': 'L1Loss', 'loss_weight': 0.1},
        'loss_offset': {'type': 'L1Loss'},
    },
    'test_cfg': {'topk': 20, 'local_maximum_kernel': 3, 'max_per_img': 20},
}  # fmt: skip
SOLO = {
    'type': 'SOLO',
    'neck': {'type': 'FPN', 'in_channels': [16, 32], 'out_channels': 16, 'num_outs': 5},
    'mask_head': {
        'type': 'SOLOHead', 'num_classes': 10, 'in_channels': 16, 'stacked_convs': 1, 'feat_channels': 16,
        'strides': [8, 8, 16, 32, 32], 'scale_ranges': ((1, 24), (12, 48), (24, 96), (48, 192), (96, 384)), 'pos_scale': 0.2,
        'num_grids': [8, 6, 4, 3, 2], 'cls_down_index': 0, 'norm_cfg': {'type': 'GN', 'num_groups': 4},
        'loss_mask': {'type': 'DiceLoss', 'use_sigmoid': True, 'loss_weight': 3.0},
        'loss_cls': {'type': 'FocalLoss', 'use_sigmoid': True},
    },
    'test_cfg': {
        'nms_pre': 50, 'score_thr': 0.0, 'mask_thr': 0.01, 'filter_thr': 0.0, 'kernel': 'gaussian', 'sigma': 2.0,
        'max_per_img': 20,
    },
}  # fmt: skip
BORDER = [
    {'type': 'LoadImageFromFile', 'to_float32': True},
    {
        'type': 'RandomCenterCropPad', 'ratios': None, 'border': None, 'mean': [0, 0, 0], 'std': [1, 1, 1], 'to_rgb': True,
        'test_mode': True, 'test_pad_mode': ('logical_or', 31),
    },
    {
        'type': 'PackDetInputs',
        'meta_keys': ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'instances', 'border'),
    },
]  # fmt: skip
YOLOX_POSE = """
_base_ = [{base!r}]
codec = dict(_delete_=True, type='YOLOXPoseAnnotationProcessor', input_size=(64, 64))
plain = dict(type='YOLOXPoseAnnotationProcessor', input_size=(64, 64))
train_dataloader = dict(batch_size=4, sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True), dataset=dict(
    data_mode='bottomup', pipeline=[
    dict(type='LoadImage'), dict(type='BottomupResize', input_size=(64, 64)),
    dict(type='FilterAnnotations', by_kpt=True, by_box=True, keep_empty=False),
    dict(type='GenerateTarget', encoder=plain),
    dict(type='PackPoseInputs')]))
val_dataloader = dict(dataset=dict(data_mode='bottomup', pipeline=[
    dict(type='LoadImage'), dict(type='BottomupResize', input_size=(64, 64)),
    dict(type='PackPoseInputs', meta_keys=('id', 'img_id', 'img_path', 'ori_shape', 'img_shape', 'input_size',
        'input_center', 'input_scale', 'raw_ann_info'))]))
val_evaluator = dict(_delete_=True, type='CocoMetric', score_mode='bbox', nms_mode='none')
custom_hooks = [dict(type='YOLOXPoseModeSwitchHook', num_last_epochs=1)]
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=2)
param_scheduler = []
norms = dict(norm_cfg=dict(type='BN', momentum=0.03, eps=0.001), act_cfg=dict(type='Swish'))
model = dict(_delete_=True, type='BottomupPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor', pad_size_divisor=32, mean=[0, 0, 0], std=[1, 1, 1]),
    backbone=dict(type='CSPDarknet', deepen_factor=0.33, widen_factor=0.125, out_indices=(2, 3, 4), **norms),
    neck=dict(type='YOLOXPAFPN', in_channels=[32, 64, 128], out_channels=32, num_csp_blocks=1, **norms),
    head=dict(type='YOLOXPoseHead', num_classes=10, num_keypoints=4, featmap_strides=(8, 16, 32),
        head_module_cfg=dict(num_classes=10, in_channels=32, feat_channels=32, widen_factor=1.0, stacked_convs=1, **norms),
        prior_generator=dict(type='MlvlPointGenerator', offset=0, strides=[8, 16, 32]),
        assigner=dict(type='SimOTAAssigner', dynamic_k_indicator='oks',
            oks_calculator=dict(type='PoseOKS', metainfo={metainfo!r})),
        overlaps_power=0.5,
        loss_cls=dict(type='BCELoss', reduction='sum'),
        loss_bbox=dict(type='IoULoss', mode='square', eps=1e-16, reduction='sum', loss_weight=5.0),
        loss_obj=dict(type='BCELoss', use_target_weight=True, reduction='sum'),
        loss_oks=dict(type='OKSLoss', reduction='none', norm_target_weight=True, loss_weight=30.0),
        loss_vis=dict(type='BCELoss', use_target_weight=True, reduction='mean'),
        loss_bbox_aux=dict(type='L1Loss', reduction='sum')),
    test_cfg=dict(score_thr=0.0, nms_thr=0.65))
"""
METAINFO = """
dataset_info = dict(dataset_name='points', keypoint_info={n: dict(name=str(n), id=n, type='', swap='') for n in range(4)},
    skeleton_info={}, joint_weights=[1.0] * 4, sigmas=[0.05] * 4)
"""
RTMPOSE = """
_base_ = [{base!r}]
plain = dict(type='SimCCLabel', input_size=(48, 48), sigma=2.0, simcc_split_ratio=2.0)
model = dict(head=dict(_delete_=True, type='SimCCHead', in_channels=64, out_channels=4, input_size=(48, 48),
    in_featuremap_size=(3, 3), simcc_split_ratio=2.0, deconv_out_channels=None,
    loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10.0, label_softmax=True), decoder=plain))
"""
DWPOSE = """
_base_ = [{base!r}]
plain = dict(type='SimCCLabel', input_size=(48, 48), sigma=2.0, simcc_split_ratio=2.0)
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(48, 48)),
    dict(type='GenerateTarget', encoder=plain), dict(type='PackPoseInputs')]))
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=2)
train_dataloader.update(sampler=dict(_delete_=True, type='DefaultSampler', shuffle=True))
param_scheduler = []
model = dict(_delete_=True, type='DWPoseDistiller', teacher_cfg={student!r}, student_cfg={student!r}, two_dis=False,
    data_preprocessor=_base_.model.data_preprocessor,
    distill_cfg=[dict(methods=[dict(type='KDLoss', name='loss_logit', use_this=True, weight=0.1)])])
"""


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))


def searched(folder: Path, digits: str, branches: Any, seeds: dict[str, str], **more: Any) -> History:
    """Trains the hand-made losses of ``plain.py``, known ones and a candidate or two for three steps each."""
    plain = Config.fromfile(folder / 'plain.py')
    cfg = load_search_config(str(ROOT / f'configs/digits/{digits}_search.py'), str(folder / 'work'))
    for key in ('model', 'train_dataloader', 'val_dataloader', 'val_evaluator', 'custom_hooks', 'param_scheduler'):
        if key in plain:
            cfg[key] = plain[key]
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.scenes = SCENES
        cfg[f'{split}_dataloader'].batch_size = 2
    cfg.train_cfg.update(
        base_config=str(folder / 'plain.py'),
        branches=branches,
        seeds=[seeds],
        execute={'workers': 1, 'threads': 1},
        budget={'max_trials': 3, 'baseline_repeats': 0, 'finalists': 1, 'finalist_repeats': 0, 'confirm_seeds': 0},
    )
    cfg.merge_from_dict(
        {
            'train_cfg.proxy.schedule': {'type': 'IterBasedTrainLoop', 'max_iters': 3},
            'train_cfg.screen.samples': 2,
            'train_cfg.screen.eta': 0.05,
            'train_cfg.screen.side': 16,
            **more,
        }
    )
    history = launch(spec_of(cfg))
    assert history[0].role is Role.BASELINE and len(history.of_role(Role.SEARCH)) >= 1 and not history.running()
    assert (folder / 'work/report.html').is_file()
    return history


def write_detector(
    folder: Path, digits: str, model: dict[str, Any], pipeline: list[dict[str, Any]] | None = None
) -> None:
    loader = f'val_dataloader = dict(dataset=dict(pipeline={pipeline!r}))' if pipeline else ''
    (folder / 'plain.py').write_text(f"""
_base_ = [{str(ROOT / f'configs/digits/{digits}.py')!r}]
parts = dict((name, dict(_base_.model[name])) for name in ('backbone', 'neck', 'data_preprocessor'))
parts.update({model!r})
model = dict(_delete_=True, **parts)
{loader}
""")


EPOCHS = {'train_cfg.proxy.schedule': {'_delete_': True, 'type': 'EpochBasedTrainLoop', 'max_epochs': 2}}


def found_losses(folder: Path) -> dict[str, nn.Module]:
    """The losses of the config that a search has written, as its training begins."""
    cfg = Config.fromfile(folder / 'work/best_config.py')
    cfg.work_dir = str(folder / 'trained')
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.scenes = SCENES
    runner = Runner.from_cfg(cfg)
    runner.train()
    return {loss.name: runner.model.get_submodule(loss.path) for loss in find_losses(runner.model)}


def test_centres(tmp_path: Path) -> None:
    write_detector(tmp_path, 'faster_rcnn', CENTERNET, BORDER)
    searched(tmp_path, 'faster_rcnn_short', 'all', {'center_heatmap': 'peak_focal', 'wh': 'l1', 'offset': 'l1'})


def test_masks_as_a_whole(tmp_path: Path) -> None:
    write_detector(tmp_path, 'mask_rcnn', SOLO)
    searched(tmp_path, 'mask_rcnn', 'all', {'mask': 'instance_dice', 'mask_cls': 'focal'})


POSES = ['head.loss_oks', 'head.loss_bbox_aux']


def write_poses(folder: Path) -> None:
    (folder / 'points.py').write_text(METAINFO)
    base, metainfo = str(ROOT / 'configs/digits/pose.py'), str(folder / 'points.py')
    (folder / 'plain.py').write_text(YOLOX_POSE.format(base=base, metainfo=metainfo))


def test_persons_as_a_whole_and_a_loss_of_the_last_epochs(tmp_path: Path) -> None:
    write_poses(tmp_path)
    history = searched(
        tmp_path,
        'pose',
        POSES,
        {'head_oks': 'oks', 'head_bbox_aux': 'l1'},
        **EPOCHS,
        **{'train_cfg.metric': 'coco/AP'},
    )
    assert history.settled()


def test_a_loss_that_no_hook_switches_on_is_refused(tmp_path: Path) -> None:
    write_poses(tmp_path)
    with pytest.raises(SetupError, match=r"'head\.loss_bbox_aux' is called once a hook .* training of 1 epochs"):
        epochs = {'train_cfg.proxy.schedule': {'_delete_': True, 'type': 'EpochBasedTrainLoop', 'max_epochs': 1}}
        searched(tmp_path, 'pose', POSES[1:], {'head_bbox_aux': 'l1'}, **epochs, **{'train_cfg.metric': 'coco/AP'})


def test_students_of_a_teacher(tmp_path: Path) -> None:
    base = str(ROOT / 'configs/digits/pose.py')
    (tmp_path / 'student.py').write_text(RTMPOSE.format(base=base))
    (tmp_path / 'plain.py').write_text(DWPOSE.format(base=base, student=str(tmp_path / 'student.py')))
    searched(tmp_path, 'pose', 'all', {'student_head': 'kl', 'distill_losses_logit': 'kl'}, **EPOCHS)
    losses = found_losses(tmp_path)
    assert losses.keys() == {'student_head', 'distill_losses_logit'}
    assert all(isinstance(loss, SearchedLoss) for loss in losses.values())
    assert losses['student_head'].beta == 10.0
