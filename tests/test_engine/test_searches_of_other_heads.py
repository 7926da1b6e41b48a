"""Whole searches on heads with kinds of input of their own: qualities, distributions, and values one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip('mmcv.ops')
pytest.importorskip('mmdet')
pytest.importorskip('mmpose')

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.branches import find_losses
from mmautoloss.engine import launch, load_search_config, spec_of
from mmautoloss.losses import SearchedLoss
from mmautoloss.trial import Role
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

SCENES = {'size': 64, 'train': 12, 'search_val': 6, 'val': 6, 'test': 3, 'seed': 3}
DETECTOR = """
_base_ = [{base!r}]
backbone, neck, processor = (dict(_base_.model[name]) for name in ('backbone', 'neck', 'data_preprocessor'))
model = dict(_delete_=True, data_preprocessor=processor, backbone=backbone, neck=neck, **{model})
"""
GFL = {
    'type': 'GFL',
    'bbox_head': {
        'type': 'GFLHead',
        'num_classes': 10,
        'in_channels': 32,
        'feat_channels': 16,
        'stacked_convs': 1,
        'norm_cfg': {'type': 'GN', 'num_groups': 4},
        'reg_max': 7,
        'anchor_generator': {
            'type': 'AnchorGenerator', 'ratios': [1.0], 'octave_base_scale': 4, 'scales_per_octave': 1, 'strides': [4, 8],
        },
        'loss_cls': {'type': 'QualityFocalLoss', 'use_sigmoid': True, 'beta': 2.0},
        'loss_bbox': {'type': 'GIoULoss', 'loss_weight': 2.0},
        'loss_dfl': {'type': 'DistributionFocalLoss', 'loss_weight': 0.25},
    },
    'train_cfg': {'assigner': {'type': 'ATSSAssigner', 'topk': 9}, 'allowed_border': -1, 'pos_weight': -1},
    'test_cfg': {'nms_pre': 100, 'score_thr': 0.0, 'nms': {'type': 'nms', 'iou_threshold': 0.6}, 'max_per_img': 20},
}  # fmt: skip
FSAF = {
    'type': 'FSAF',
    'bbox_head': {
        'type': 'FSAFHead',
        'num_classes': 10,
        'in_channels': 32,
        'feat_channels': 16,
        'stacked_convs': 1,
        'reg_decoded_bbox': True,
        'anchor_generator': {
            'type': 'AnchorGenerator', 'ratios': [1.0], 'octave_base_scale': 1, 'scales_per_octave': 1, 'strides': [4, 8],
        },
        'bbox_coder': {'type': 'TBLRBBoxCoder', 'normalizer': 4.0},
        'loss_cls': {'type': 'FocalLoss', 'use_sigmoid': True, 'reduction': 'none'},
        'loss_bbox': {'type': 'IoULoss', 'eps': 1e-6, 'reduction': 'none'},
    },
    'train_cfg': {
        'assigner': {
            'type': 'CenterRegionAssigner', 'pos_scale': 0.2, 'neg_scale': 0.2, 'min_pos_iof': 0.01,
        },
        'allowed_border': -1, 'pos_weight': -1,
    },
    'test_cfg': {'nms_pre': 100, 'score_thr': 0.0, 'nms': {'type': 'nms', 'iou_threshold': 0.6}, 'max_per_img': 20},
}  # fmt: skip
SIMCC = """
_base_ = [{base!r}]
codec = dict(_delete_=True, type='SimCCLabel', input_size=(48, 48), sigma=2.0, simcc_split_ratio=2.0)
plain = dict(type='SimCCLabel', input_size=(48, 48), sigma=2.0, simcc_split_ratio=2.0)
train_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImage'), dict(type='GetBBoxCenterScale'), dict(type='TopdownAffine', input_size=(48, 48)),
    dict(type='GenerateTarget', encoder=plain), dict(type='PackPoseInputs')]))
model = dict(head=dict(_delete_=True, type='SimCCHead', in_channels=64, out_channels=4, input_size=(48, 48),
    in_featuremap_size=(3, 3), simcc_split_ratio=2.0, deconv_out_channels=None,
    loss=dict(type='KLDiscretLoss', use_target_weight=True), decoder=plain))
"""


def _detector(model: dict) -> str:
    return DETECTOR.format(base=str(ROOT / 'configs/digits/faster_rcnn.py'), model=model)


HEADS = {
    'GFL': (
        *('faster_rcnn_short', _detector(GFL)),
        *({'cls': 'quality', 'box': 'area', 'dfl': 'bins'}, ['qfl', 'giou', '-y * log(p)']),
    ),
    'SimCC': ('pose', SIMCC.format(base=str(ROOT / 'configs/digits/pose.py')), {'heatmap': 'bins'}, ['kl']),
    'FSAF': ('faster_rcnn_short', _detector(FSAF), {'cls': 'sigmoid', 'box': 'area'}, ['focal', '-log(i / u)']),
}  # fmt: skip


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))


@pytest.mark.parametrize('name', HEADS)
def test_a_search_ends_with_a_config_that_can_be_built(name: str, tmp_path: Path) -> None:
    digits, text, kinds, seeds = HEADS[name]
    (tmp_path / 'plain.py').write_text(text)
    cfg = load_search_config(str(ROOT / f'configs/digits/{digits}_search.py'), str(tmp_path / 'work'))
    plain = Config.fromfile(tmp_path / 'plain.py')
    cfg.model, cfg.train_dataloader = plain.model, plain.train_dataloader
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.scenes = SCENES
        cfg[f'{split}_dataloader'].batch_size = 2
    cfg.train_cfg.update(
        base_config=str(tmp_path / 'plain.py'),
        branches='all',
        seeds=[dict(zip(kinds, seeds, strict=True))],
        execute={'workers': 1, 'threads': 1},
        budget={'max_trials': 3, 'baseline_repeats': 0, 'finalists': 1, 'finalist_repeats': 0, 'confirm_seeds': 0},
    )
    cfg.merge_from_dict(
        {
            'train_cfg.proxy.schedule.max_iters': 3,
            'train_cfg.screen.samples': 2,
            'train_cfg.screen.eta': 0.05,
            'train_cfg.screen.side': 16,
        }
    )
    history = launch(spec_of(cfg))
    assert history[0].role is Role.BASELINE and len(history.of_role(Role.SEARCH)) >= 1 and not history.running()
    found = Config.fromfile(tmp_path / 'work/best_config.py')
    with DefaultScope.overwrite_default_scope(found.default_scope):
        model = MODELS.build(found.model)
    losses = {loss.name: model.get_submodule(loss.path) for loss in find_losses(model)}
    assert {loss: module.kind.name for loss, module in losses.items()} == kinds
    assert all(isinstance(module, SearchedLoss) for module in losses.values())
    assert (tmp_path / 'work/report.html').is_file()
