"""A search of the loss of a classifier of mmpretrain, with the parts around it: probe, result, page, leaks, noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('mmcv')
pytest.importorskip('mmpretrain.models', reason='a classifier of mmpretrain', exc_type=ImportError)

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from torch import nn

from mmautoloss.branches import find_losses
from mmautoloss.engine import launch, load_search_config, spec_of
from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss
from mmautoloss.trial import History, Role
from tests.isolation import ROOT

pytestmark = pytest.mark.slow

SMALL = {
    'train_dataloader.batch_size': 16,
    'train_cfg.proxy.schedule.max_iters': 6,
    'train_cfg.strategy.initial': 1,
    'train_cfg.strategy.fresh_rate': 0.0,
    'train_cfg.seeds': ['ce', 'gce'],
    'train_cfg.budget': {
        'max_trials': 3,
        'baseline_repeats': 0,
        'finalists': 1,
        'finalist_repeats': 0,
        'confirm_seeds': 0,
    },
    'train_cfg.execute': {'workers': 1, 'threads': 1},
}


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of pictures of 28 x 28 pixels, each with a bar at another place."""
    folder = tmp_path_factory.mktemp('bars')
    rng = np.random.default_rng(0)
    for part, size in (('train', 100), ('val', 30)):
        (folder / part).mkdir()
        lines = []
        for n in range(size):
            picture = rng.integers(0, 90, (28, 28), dtype=np.uint8)
            picture[:, 2 * (n % 10) + 3 : 2 * (n % 10) + 7] += 150
            cv2.imwrite(str(folder / part / f'{n}.png'), picture)
            lines.append(f'{part}/{n}.png {n % 10}\n')
        (folder / f'{part}.txt').write_text(''.join(lines))
    return folder


def search(data: Path, folder: Path, **more: Any) -> History:
    """Trains the hand-made loss, two known ones and one candidate for six iterations each."""
    options = {'data_root': str(data), **SMALL, **more}
    cfg = load_search_config(str(ROOT / 'configs/fashion/resnet_search.py'), str(folder), options)
    cfg.train_dataloader.dataset.indices = 80
    cfg.val_dataloader.dataset.indices = -20
    return launch(spec_of(cfg))


def test_search_ends_with_a_classifier_of_the_found_loss(data: Path, tmp_path: Path, capsys) -> None:
    history = search(data, tmp_path)
    printed = capsys.readouterr().out
    assert 'searched: head.loss_module (CrossEntropyLoss)' in printed
    assert 'probe: 64 training images in 5 calls, since each image is one row' in printed
    baseline, ce = history[0], next(trial for trial in history if trial.role is Role.KNOWN)
    assert ce.required_outcome.score == baseline.required_outcome.score, 'ce is the hand-made loss'
    assert history.of_role(Role.SEARCH) and not history.running()
    assert all(trial.score is None or 0 <= trial.score <= 100 for trial in history.settled()), 'a metric in percent'
    found = Config.fromfile(tmp_path / 'best_config.py')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        (loss,) = find_losses(MODELS.build(found.model))
    (best,) = history.ranking(1)
    assert (loss.name, loss.loss) == ('cls', 'SearchedLoss') and found.model.head.loss.expression == str(
        best.genome['cls']
    )
    assert SearchedLoss(found.model.head.loss.expression).kind.name == 'softmax'
    assert (tmp_path / 'report.html').is_file()


def test_mixed_images_and_class_weights(data: Path, tmp_path: Path) -> None:
    """Targets are shares of the classes, in probe and training; each class has a weight, in all losses."""
    weights = [1.0 + k % 3 for k in range(10)]
    more = {
        'model.train_cfg': {'augments': [{'type': 'Mixup', 'alpha': 0.8}]},
        'model.head.loss.class_weight': weights,
        'train_cfg.options': {'model.head.loss.class_weight': weights},
    }
    history = search(data, tmp_path, **more)
    scores = [trial.required_outcome.score for trial in history][:2]
    assert scores[0] == scores[1], 'ce with the class weights is the hand-made loss'
    assert Config.fromfile(tmp_path / 'best_config.py').model.head.loss.class_weight == weights


def test_margins_are_searched_on_cosines(data: Path, tmp_path: Path) -> None:
    head = {'type': 'ArcFaceClsHead', 'num_classes': 10, 'in_channels': 64, 'scale': 1.0, 'margins': 0.0}
    more = {
        'model.head': {'_delete_': True, **head},
        'train_cfg.options': {'model.head': {'_delete_': True, **head}},
        'train_cfg.branches': {'cls': {'path': 'head.loss_module', 'inputs': 'cosine'}},
        'train_cfg.seeds': ['normface', 'cosface'],
    }
    history = search(data, tmp_path, **more)
    assert history.of_role(Role.SEARCH) and not history.running()
    assert Config.fromfile(tmp_path / 'best_config.py').model.head.loss.inputs == 'cosine'


def test_labels_are_wrong_in_the_training_alone(data: Path, tmp_path: Path) -> None:
    cfg = load_search_config(
        str(ROOT / 'configs/fashion/resnet_search.py'), str(tmp_path), {'data_root': str(data), **SMALL}
    )
    noisy = {'type': 'mmautoloss.NoisyLabels', 'rate': 0.4}
    cfg.train_dataloader.dataset = {**noisy, 'dataset': cfg.train_dataloader.dataset.to_dict()}
    spec_of(cfg)
    cfg.val_dataloader.dataset = {**noisy, 'dataset': cfg.val_dataloader.dataset.to_dict()}
    with pytest.raises(SetupError, match='val_dataloader has NoisyLabels'):
        spec_of(cfg)


def trained(data: Path, folder: Path, hooks: list[dict[str, Any]]) -> nn.Module:
    """The small ResNet after three iterations."""
    cfg = Config.fromfile(ROOT / 'configs/fashion/resnet.py')
    cfg.merge_from_dict({'data_root': str(data), 'train_cfg.max_iters': 3, 'train_dataloader.batch_size': 16})
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.dataset.data_root = str(data)
    cfg.optim_wrapper.optimizer = {'type': 'SGD', 'lr': 0.01}
    cfg.custom_hooks, cfg.work_dir, cfg.experiment_name = hooks, str(folder), folder.name
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner.model


def test_channels_last_changes_the_layout_and_no_value(data: Path, tmp_path: Path) -> None:
    plain = trained(data, tmp_path / 'plain', [])
    last = trained(data, tmp_path / 'last', [{'type': 'mmautoloss.ChannelsLastHook'}])
    assert not plain.backbone.layer1[0].conv2.weight.is_contiguous(memory_format=torch.channels_last)
    assert last.backbone.layer1[0].conv2.weight.is_contiguous(memory_format=torch.channels_last)
    before, after = plain.state_dict(), last.state_dict()
    assert before.keys() == after.keys()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, rtol=1e-4, atol=1e-4, check_stride=False)
