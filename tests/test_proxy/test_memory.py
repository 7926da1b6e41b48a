"""What a proxy spares changes no weight: samples and memory that are kept, accuracies that are only logged."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
pytest.importorskip('mmpose')

from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.proxy import evaluator as evaluator_module
from mmautoloss.proxy import memory as memory_module
from mmautoloss.proxy.config import _SAME_WITH_FOREACH
from mmautoloss.proxy.log_only import ONLY_LOGGED, nothing_logged
from mmautoloss.proxy.memory import _of_group, available_memory, freed_memory_kept
from tests.isolation import ROOT
from tests.test_proxy.conftest import baseline, digest

Make = Callable[..., ProxyEvaluator]
SMALL = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}
FLIP = {'type': 'RandomFlip', 'prob': 0.5, 'direction': 'horizontal'}
TASKS = {'mask': 'mask_rcnn', 'seg': 'deeplabv3plus', 'pose': 'pose'}
"""Mask R-CNN has all that Faster R-CNN has."""


@pytest.fixture(scope='module')
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Evaluators by task, loader processes and changes, each built once: tests of a task share them."""
    environment = pytest.MonkeyPatch()
    environment.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))
    tmp_path = tmp_path_factory.mktemp('memory')

    def settings(task: str, workers: int) -> ProxySettings:
        cfg = load_search_config(str(ROOT / 'configs/digits' / f'{TASKS[task]}_search.py'), str(tmp_path))
        for name in ('train', 'val', 'test'):
            loader = cfg[f'{name}_dataloader']
            loader.dataset.scenes = SMALL
            if workers and name != 'test':
                loader.update(num_workers=workers, persistent_workers=True)
        cfg.train_dataloader.dataset.pipeline.insert(2, FLIP)
        cfg.train_cfg.proxy.schedule.max_iters = 5
        return spec_of(cfg).proxy

    made: dict[tuple, ProxyEvaluator] = {}

    def evaluator(task: str, workers: int = 0, **changes: Any) -> ProxyEvaluator:
        key = (task, workers, *changes.items())
        if key not in made:
            made[key] = ProxyEvaluator(replace(settings(task, workers), **changes))
        return made[key]

    yield evaluator
    for each in made.values():
        each.close()
    environment.undo()


def trained(evaluator: ProxyEvaluator, seed: int = 0) -> tuple[str, dict[str, float]]:
    outcome = evaluator.evaluate(baseline(seed))
    # five iterations may detect nothing: then there is no metric, but the training is there
    assert 'Traceback' not in outcome.reason, outcome.reason
    return digest(evaluator.runner.model), dict(outcome.metrics)


@pytest.mark.slow
@pytest.mark.parametrize('task', TASKS)
def test_training_with_kept_samples_is_the_training_without(make: Make, task: str) -> None:
    without, with_cache = make(task, cache=0), make(task)
    first = trained(without)
    assert [trained(with_cache) for _ in range(2)] == [first, first]
    assert trained(with_cache, seed=1) == trained(without, seed=1) != first
    assert 'kept in memory: up to' in with_cache.kept and without.kept == ''


@pytest.mark.slow
def test_processes_of_a_data_loader_share_kept_samples(make: Make) -> None:
    without, with_cache = make('pose', 2, cache=0), make('pose', 2)
    assert trained(with_cache) == trained(without)
    assert 'kept in memory: up to' in with_cache.kept
    kept = with_cache.runner.train_dataset.prepare_data
    assert len(kept.store) == len(kept.dataset) + len(with_cache.runner.val_loop.dataloader.dataset)


@pytest.mark.slow
@pytest.mark.parametrize('task', TASKS)
def test_accuracies_change_no_weight(make: Make, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluator = make(task)
    called = []
    for module, name in ONLY_LOGGED:
        if module in sys.modules:
            function = getattr(sys.modules[module], name)
            counted = lambda *args, function=function, **given: called.append(1) or function(*args, **given)  # noqa: E731
            monkeypatch.setattr(sys.modules[module], name, counted)
    without = trained(evaluator)
    assert not called

    @contextmanager
    def all_logged(model):
        model.train_cfg = {**(model.train_cfg or {}), 'compute_acc': True} if task == 'pose' else model.train_cfg
        yield

    monkeypatch.setattr(evaluator_module, 'nothing_logged', all_logged)
    assert trained(evaluator) == without
    assert called, 'the table names what the heads call'


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('SGD', {'lr': 0.02, 'momentum': 0.9, 'weight_decay': 1e-4}),
        ('Adam', {'lr': 4e-3}),
        ('AdamW', {'lr': 4e-3, 'betas': (0.9, 0.99), 'weight_decay': 0.01}),
    ],
)
def test_all_weights_at_once_are_the_weights_one_by_one(name: str, options: dict) -> None:
    assert name in _SAME_WITH_FOREACH
    trained = []
    for foreach in (False, True):
        torch.manual_seed(0)
        shapes = [(16, 3, 3, 3), (16,), (), (33, 7)]
        weights = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
        optimizer = getattr(torch.optim, name)(weights, foreach=foreach, **options)
        for _ in range(30):
            for weight in weights:
                weight.grad = torch.randn_like(weight) * 10 ** torch.randn(())
            optimizer.step()
        trained.append(torch.cat([weight.detach().flatten() for weight in weights]))
    assert torch.equal(*trained)


def test_afterwards_heads_log_as_before() -> None:
    from mmdet.models.roi_heads.bbox_heads import bbox_head
    from mmpose.models import TopdownPoseEstimator

    model = object.__new__(TopdownPoseEstimator)
    model.__dict__['train_cfg'] = {}
    before = bbox_head.accuracy
    with pytest.raises(ZeroDivisionError), nothing_logged(model):
        assert bbox_head.accuracy is not before and model.__dict__['train_cfg'] == {'compute_acc': False}
        raise ZeroDivisionError
    assert bbox_head.accuracy is before and model.__dict__['train_cfg'] == {}


def test_memory_of_a_control_group(tmp_path: Path) -> None:
    assert _of_group(tmp_path) == sys.maxsize
    for name, text in (('memory.max', '1000'), ('memory.current', '400')):
        (tmp_path / name).write_text(text + '\n')
    assert _of_group(tmp_path) == 600
    (tmp_path / 'memory.max').write_text('max\n')
    assert _of_group(tmp_path) == sys.maxsize
    assert available_memory() > 0


def test_memory_is_kept_only_within() -> None:
    """Blocks above the threshold are mapped and given back; a training of the toy must not notice either."""
    with pytest.raises(ZeroDivisionError), freed_memory_kept():
        raise ZeroDivisionError
    with freed_memory_kept():
        assert sum(len(bytearray(2**20)) for _ in range(3)) == 3 * 2**20


@pytest.mark.parametrize(
    ('name', 'value', 'calls'),
    [
        pytest.param('MALLOC_TRIM_THRESHOLD_', '131072', 0, id='trim'),
        pytest.param('MALLOC_MMAP_THRESHOLD_', '65536', 0, id='mmap'),
        pytest.param('GLIBC_TUNABLES', 'glibc.malloc.trim_threshold=131072', 0, id='tunable'),
        pytest.param('GLIBC_TUNABLES', 'glibc.cpu.x86_ibt=off', 4, id='other tunable'),
        pytest.param('MALLOC_ARENA_MAX', '2', 4, id='other setting'),
    ],
)
def test_numbers_of_the_user_stay(name: str, value: str, calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in memory_module._BY_USER:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    made = []
    library = SimpleNamespace(mallopt=lambda *given: made.append(given))
    monkeypatch.setattr(memory_module.sys, 'platform', 'linux')
    monkeypatch.setattr(memory_module.ctypes, 'CDLL', lambda name: library)
    with freed_memory_kept():
        pass
    assert len(made) == calls
