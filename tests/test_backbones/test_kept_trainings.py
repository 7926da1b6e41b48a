"""Trainings of a search with kept features: one repeats another, and none leaves anything behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')

from mmengine.config import Config

from mmautoloss.backbones.kept_features import Features, KeptFeatures
from mmautoloss.proxy import ProxyEvaluator, ProxySettings, plain_config
from tests.isolation import ROOT
from tests.test_proxy.conftest import baseline, digest

SMALL = {'size': 64, 'train': 6, 'search_val': 2, 'val': 2, 'test': 2, 'seed': 3}
STEPS = 5


def on_lite(folder: Path, keep: bool) -> Config:
    """DeepLabV3+ on the digits, with the backbone frozen to stride 8."""
    cfg = Config.fromfile(ROOT / 'configs/digits/deeplabv3plus.py')
    cfg.custom_imports.imports.append('mmautoloss.backbones.efficientnet_lite')
    cfg.model.backbone = {
        **{'type': 'mmautoloss.EfficientNetLite', 'out_indices': (2, 3, 4), 'norm_eval': True},
        **{'frozen_stages': 4, 'keep': keep, 'enlarge': 1.5},
    }
    cfg.model.decode_head.update(in_channels=112, c1_in_channels=24)
    cfg.model.auxiliary_head.update(in_channels=40)
    for part in ('train', 'val', 'test'):
        cfg[f'{part}_dataloader'].update(batch_size=2)
        cfg[f'{part}_dataloader'].dataset.scenes = SMALL
    cfg.train_cfg = {'type': 'IterBasedTrainLoop', 'max_iters': STEPS}
    cfg.param_scheduler, cfg.custom_hooks = [], []
    return cfg


@pytest.fixture
def evaluate(
    kept: KeptFeatures, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Any]]:
    """Trains the hand-made losses in one process, and checks by a repetition that no state is left over."""
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))
    evaluators: dict[bool, ProxyEvaluator] = {}

    def trained(keep: bool, seed: int) -> tuple[str, str, dict[str, float]]:
        if keep not in evaluators:
            cfg = on_lite(tmp_path, keep)
            settings = ProxySettings(
                plain_config(cfg), (), dict(cfg.train_cfg), '', True, None, str(tmp_path / f'{keep}'), prove=True
            )
            evaluators[keep] = ProxyEvaluator(settings)
        outcome = evaluators[keep].evaluate(baseline(seed))
        assert 'Traceback' not in outcome.reason, outcome.reason
        return outcome.leak, digest(evaluators[keep].runner.model), dict(outcome.metrics)

    yield trained
    for evaluator in evaluators.values():
        evaluator.close()


def test_a_training_is_the_same_whatever_is_kept(evaluate: Callable[..., Any], kept: KeptFeatures) -> None:
    """The first one computes the features, its repetition finds them, as does a later one; then the store is full."""
    first = evaluate(True, seed=0)
    assert first[0] == '' and kept.size > 0
    assert evaluate(True, seed=1) != first
    size = kept.size
    assert evaluate(True, seed=0) == first
    assert kept.size == size, 'all images were there'
    kept.limit = size // 10
    assert evaluate(True, seed=0) == first
    leak, _, metrics = evaluate(False, seed=0)
    assert leak == '' and metrics == pytest.approx(first[2], abs=0.05), 'but for the last digits of each step'


def test_features_that_change_show(evaluate: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that gives an image's features in other digits the second time is told as state that leaks."""
    features = KeptFeatures._features

    def drifting(self: KeptFeatures, key: bytes, *args: Any) -> Features:
        known = key in self._kept
        return tuple(level * (1.01 if known else 1.0) for level in features(self, key, *args))

    monkeypatch.setattr(KeptFeatures, '_features', drifting)
    leak, _, _ = evaluate(True, seed=0)
    assert 'the training was not the same' in leak
