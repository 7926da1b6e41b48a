"""Models, data sets and hooks of the libraries that keep state in Python: one trial twice, another between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from mmautoloss.proxy import ProxyEvaluator, ProxySettings, plain_config
from mmautoloss.testing.plain_training import GivenWeightsHook
from tests.isolation import ROOT
from tests.test_proxy.conftest import baseline, digest

SMALL = {'size': 64, 'train': 8, 'search_val': 2, 'val': 2, 'test': 2, 'seed': 3}
STEPS = 4
SIZES = {'random_size_range': (64, 128), 'size_divisor': 32, 'interval': 2}
YOLOX = {
    '_scope_': 'mmdet',
    'type': 'YOLOX',
    'data_preprocessor': {'type': 'DetDataPreprocessor', 'pad_size_divisor': 32},
    'backbone': {'type': 'CSPDarknet', 'deepen_factor': 0.33, 'widen_factor': 0.125, 'out_indices': (2, 3, 4)},
    'neck': {'type': 'YOLOXPAFPN', 'in_channels': [32, 64, 128], 'out_channels': 16, 'num_csp_blocks': 1},
    'bbox_head': {
        'type': 'YOLOXHead',
        'num_classes': 10,
        'in_channels': 16,
        'feat_channels': 16,
        'stacked_convs': 1,
    },
    'train_cfg': {'assigner': {'type': 'SimOTAAssigner', 'center_radius': 2.5}},
    'test_cfg': {'score_thr': 0.001, 'nms': {'type': 'nms', 'iou_threshold': 0.65}},
}


@HOOKS.register_module(force=True)
class FreezingHook(Hook):
    """Trains the neck and the heads alone from the third iteration on."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        if runner.iter == 2:
            runner.model.backbone.requires_grad_(False)


def digits(name: str) -> Config:
    cfg = Config.fromfile(ROOT / 'configs/digits' / f'{name}.py')
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].update(batch_size=2)
        cfg[f'{part}_dataloader'].dataset.scenes = SMALL
    cfg.train_cfg = {'type': 'IterBasedTrainLoop', 'max_iters': STEPS, 'val_interval': STEPS}
    cfg.param_scheduler, cfg.custom_hooks = [], []
    return cfg


def by_epoch(cfg: Config, epochs: int) -> None:
    cfg.train_cfg = {'type': 'EpochBasedTrainLoop', 'max_epochs': epochs, 'val_interval': epochs}
    cfg.train_dataloader.sampler = {'type': 'DefaultSampler', 'shuffle': True}


def adapting() -> Config:
    """Thresholds that follow the proposals, sizes that change, a backbone that is frozen, and an average of weights."""
    cfg = digits('faster_rcnn')
    cfg.model.roi_head.type = 'DynamicRoIHead'
    cfg.model.roi_head.bbox_head.loss_bbox = {'type': 'SmoothL1Loss', 'beta': 1.0}
    cfg.model.train_cfg.rcnn.dynamic_rcnn = {
        **{'iou_topk': 10, 'beta_topk': 10, 'update_iter_interval': 2},
        **{'initial_iou': 0.4, 'initial_beta': 1.0},
    }
    cfg.model.data_preprocessor.batch_augments = [{'type': 'BatchSyncRandomResize', **SIZES}]
    average = {'type': 'EMAHook', 'ema_type': 'ExpMomentumEMA', 'momentum': 0.1, 'update_buffers': True}
    cfg.custom_hooks = [{'type': 'FreezingHook'}, average]
    return cfg


def switched() -> Config:
    cfg = digits('faster_rcnn')
    by_epoch(cfg, 2)
    load, annotate, resize, pack = cfg.train_dataloader.dataset.pipeline
    steps = [load, annotate, {**resize, 'scale': (64, 64)}, pack]
    cfg.custom_hooks = [{'type': 'mmdet.PipelineSwitchHook', 'switch_epoch': 1, 'switch_pipeline': steps}]
    return cfg


def switched_in_processes() -> Config:
    cfg = switched()
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
    return cfg


def cached_mosaic() -> Config:
    cfg = digits('faster_rcnn')
    load, annotate, _, pack = cfg.train_dataloader.dataset.pipeline
    small = {'img_scale': (64, 64), 'max_cached_images': 6}
    mosaic, mixup = {'type': 'CachedMosaic', **small}, {'type': 'CachedMixUp', **small}
    crop = {'type': 'RandomCrop', 'crop_size': (96, 96)}
    cfg.train_dataloader.dataset.pipeline = [load, annotate, mosaic, mixup, crop, pack]
    return cfg


def yolox() -> Config:
    cfg = digits('faster_rcnn')
    cfg.model = YOLOX
    by_epoch(cfg, 3)
    data = cfg.train_dataloader.dataset
    load, annotate, _, pack = data.pipeline
    cfg.train_dataloader.dataset = {
        'type': 'MultiImageMixDataset',
        'dataset': {**data, 'pipeline': [load, annotate], 'indices': 4},
        'pipeline': [{'type': 'Mosaic', 'img_scale': (64, 64)}, {'type': 'Resize', 'scale': (64, 64)}, pack],
    }
    cfg.custom_hooks = [
        {'type': 'mmdet.YOLOXModeSwitchHook', 'num_last_epochs': 1, 'skip_type_keys': ('Mosaic',), 'priority': 48}
    ]
    return cfg


def annotations_settled() -> Config:
    """mmseg's ``LoadAnnotations`` takes over ``reduce_zero_label`` from its first sample."""
    return digits('deeplabv3plus')


CASES: dict[str, Callable[[], Config]] = {
    case.__name__: case for case in (adapting, switched, cached_mosaic, yolox, annotations_settled)
}


@pytest.fixture
def settings(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))

    def of(cfg: Config, cache: int = 0) -> ProxySettings:
        schedule = {key: value for key, value in cfg.train_cfg.items() if key != 'val_interval'}
        work_dir = str(tmp_path / 'proxy')
        return ProxySettings(plain_config(cfg), (), schedule, '', True, None, work_dir, cache=cache, prove=True)

    return of


def trained(evaluator: ProxyEvaluator, seed: int = 0) -> tuple[str, dict[str, float]]:
    outcome = evaluator.evaluate(baseline(seed))
    # so few iterations may detect nothing: then there is no metric, but the training is there
    assert 'Traceback' not in outcome.reason, outcome.reason
    assert outcome.leak == ''
    return digest(evaluator.runner.model), dict(outcome.metrics)


@pytest.mark.parametrize('name', CASES)
def test_one_trial_twice_is_one_trial(settings: Callable[..., ProxySettings], name: str) -> None:
    given = settings(CASES[name](), cache=2**30 if name.startswith('switched') else 0)
    reused, fresh = ProxyEvaluator(given), ProxyEvaluator(replace(given, prove=False, cache=0))
    try:
        first = trained(reused)
        assert trained(reused, seed=1) != first
        assert trained(reused) == first
        assert trained(fresh) == first, 'nor do kept samples change anything'
    finally:
        reused.close()
        fresh.close()


def test_switched_pipeline_is_that_of_a_plain_runner(settings: Callable[..., ProxySettings], tmp_path: Path) -> None:
    cfg = switched_in_processes()
    cfg.custom_hooks += [{'type': 'mmautoloss.testing.plain_training.FreshRandomHook'}]
    evaluator = ProxyEvaluator(settings(cfg, cache=2**30))
    weights, _ = trained(evaluator)
    assert 'kept in memory' in evaluator.kept
    cfg.randomness, cfg.work_dir, cfg.experiment_name = {'seed': 0}, str(tmp_path / 'plain'), tmp_path.name
    cfg.visualizer.update(name=tmp_path.name)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(GivenWeightsHook(evaluator.runner.initial_state(0)))
    evaluator.close()
    runner.train()
    assert digest(runner.model) == weights
