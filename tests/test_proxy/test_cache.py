"""Samples that are kept in memory: the same ones as without, and the same random numbers drawn."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')
pytest.importorskip('mmseg')
pytest.importorskip('mmpose')

from mmdet.structures.bbox import BaseBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope
from mmengine.structures import BaseDataElement

from mmautoloss.proxy.cache import KeptData, SampleStore, freeze, keep_samples, split, thaw
from mmautoloss.proxy.cache import cache as cache_module
from mmautoloss.proxy.state import Snapshot
from tests.isolation import ROOT

SMALL = {'size': 64, 'train': 12, 'search_val': 4, 'val': 6, 'test': 3, 'seed': 3}
FLIP = {'type': 'RandomFlip', 'prob': 0.5}
FLIPS = {'type': 'RandomFlip', 'prob': 0.75, 'direction': ['horizontal', 'vertical', 'diagonal']}
RESIZE = {'type': 'RandomResize', 'scale': (96, 96), 'ratio_range': (0.5, 1.5)}
CROP = {'type': 'RandomCrop', 'crop_size': (40, 40)}


def pipeline(task: str) -> list[dict[str, Any]]:
    """The pipeline of a config, with a flip before the last steps."""
    names = {'det': 'faster_rcnn', 'mask': 'mask_rcnn', 'seg': 'deeplabv3plus', 'pose': 'pose'}
    cfg = Config.fromfile(ROOT / 'configs/digits' / f'{names[task]}.py')
    return cfg.train_dataloader.dataset.to_dict()['pipeline']


def with_steps(task: str, *steps: dict[str, Any], at: int = -1) -> list[dict[str, Any]]:
    given = pipeline(task)
    given[at:at] = steps
    return given


PIPELINES = {
    'det': lambda: pipeline('det'),
    'det flip': lambda: with_steps('det', FLIP),
    'det flips, crop': lambda: with_steps('det', FLIPS, CROP),
    'det crop, flip': lambda: with_steps('det', CROP, FLIP),
    'det filter, flip': lambda: with_steps('det', {'type': 'FilterAnnotations', 'min_gt_bbox_wh': (26, 26)}, FLIP),
    'det flip, filter': lambda: with_steps('det', FLIP, {'type': 'FilterAnnotations', 'min_gt_bbox_wh': (26, 26)}),
    'mask flip, crop': lambda: with_steps('mask', FLIP, CROP),
    'seg flip': lambda: with_steps('seg', FLIP),
    'seg resized at random': lambda: with_steps(
        'seg', {'type': 'RandomResize', 'scale': (96, 96), 'ratio_range': (0.5, 1.5)}, FLIP
    ),
    'pose flip': lambda: with_steps('pose', {'type': 'RandomFlip', 'direction': 'horizontal'}, at=2),
    'pose half body': lambda: with_steps('pose', {'type': 'RandomBBoxTransform'}, at=2),
}


@pytest.fixture(autouse=True)
def scenes(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('MMAUTOLOSS_DATA', str(tmp_path_factory.getbasetemp() / 'scenes'))


def build(task: str, steps: list[dict[str, Any]], wrap: Callable[[dict], dict] = lambda config: config) -> Any:
    names = {'det': 'faster_rcnn', 'mask': 'mask_rcnn', 'seg': 'deeplabv3plus', 'pose': 'pose'}
    cfg = Config.fromfile(ROOT / 'configs/digits' / f'{names[task]}.py')
    config = {**cfg.train_dataloader.dataset.to_dict(), 'scenes': SMALL, 'pipeline': steps}
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        dataset = DATASETS.build(copy.deepcopy(wrap(config)))
        dataset.full_init()
    return dataset


def draw(dataset: Any, rounds: int = 3) -> list[Any]:
    """Samples in some order, each several times, and where the random numbers stand afterwards."""
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    order = np.random.default_rng(0).permutation(list(range(len(dataset))) * rounds)
    samples = [dataset[int(index)] for index in order]
    return [*samples, random.random(), np.random.rand(), torch.rand(1)]


def plain(thing: Any) -> Any:
    """A sample as nested lists that can be compared, to the last bit."""
    if isinstance(thing, BaseDataElement):
        return [type(thing).__name__, plain(dict(thing.metainfo_items())), plain(dict(thing.items()))]
    if isinstance(thing, BaseBoxes):
        return [type(thing).__name__, plain(thing.tensor)]
    if isinstance(thing, BitmapMasks):
        return [thing.height, thing.width, plain(thing.masks)]
    if isinstance(thing, torch.Tensor | np.ndarray):
        return [str(thing.dtype), list(thing.shape), np.asarray(thing).tobytes()]
    if isinstance(thing, dict):
        return {key: plain(value) for key, value in thing.items()}
    return [plain(each) for each in thing] if isinstance(thing, (list, tuple)) else thing


@pytest.mark.parametrize('name', PIPELINES)
def test_same_samples_and_the_same_random_numbers(name: str) -> None:
    task, steps = name.split()[0], PIPELINES[name]()
    dataset, kept = build(task, steps), build(task, steps)
    notice = keep_samples([KeptData(kept, reads=10**6)], limit=2**30)
    assert notice.startswith('samples are kept'), notice
    assert plain(draw(kept)) == plain(draw(dataset))
    assert plain(draw(kept)) == plain(draw(dataset)), 'now all from memory'
    assert len(kept.prepare_data.store) >= len(kept)


def test_files_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = build('det', with_steps('det', FLIP))
    load, read = type(dataset.pipeline.transforms[0]), []
    plainly = load.transform
    monkeypatch.setattr(load, 'transform', lambda self, results: read.append(1) or plainly(self, results))
    keep_samples([KeptData(dataset, reads=10**6)], limit=2**30)
    read.clear()
    draw(dataset, rounds=8)
    assert len(dataset) <= len(read) <= 2 * len(dataset), 'once for each way of the flip'
    draw(dataset, rounds=8)
    assert len(read) <= 2 * len(dataset)


def test_what_is_done_to_a_sample_leaves_the_kept_one(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = build('det', pipeline('det'))
    keep_samples([KeptData(dataset, reads=100)], limit=2**30)
    first = dataset[0]
    before = plain(first)
    first['inputs'] += 1
    first['data_samples'].gt_instances.bboxes.tensor.zero_()
    first['data_samples'].set_metainfo({'img_shape': (1, 1)})
    assert plain(dataset[0]) == before


WRAPPED = {
    'repeat': lambda config: {'type': 'RepeatDataset', 'dataset': config, 'times': 2},
    'concat': lambda config: {'type': 'ConcatDataset', 'datasets': [config, {**config, 'indices': 5}]},
    'balanced': lambda config: {'type': 'ClassBalancedDataset', 'dataset': config, 'oversample_thr': 0.5},
    'nested': lambda config: {'type': 'RepeatDataset', 'times': 2, 'dataset': WRAPPED['concat'](config)},
    'mosaic': lambda config: {
        'type': 'MultiImageMixDataset',
        'dataset': {**config, 'pipeline': config['pipeline'][:2]},
        'pipeline': [{'type': 'Mosaic', 'img_scale': (64, 64)}, *config['pipeline'][3:]],
    },
}


@pytest.mark.parametrize('name', WRAPPED)
def test_within_wrappers(name: str) -> None:
    steps = with_steps('det', FLIP)
    dataset, kept = (build('det', steps, WRAPPED[name]) for _ in range(2))
    assert 'kept in memory: up to' in keep_samples([KeptData(kept, reads=10**6)], limit=2**30)
    assert plain(draw(kept, 2)) == plain(draw(dataset, 2))


def switched(dataset: Any, how: str) -> None:
    pipeline = dataset.pipeline
    if how == 'another pipeline':
        dataset.pipeline = type(pipeline)(pipeline.transforms[:2] + pipeline.transforms[3:])
    elif how == 'other steps':
        pipeline.transforms = pipeline.transforms[:2] + pipeline.transforms[3:]
    elif how == 'a step less':
        del pipeline.transforms[2]
    elif how == 'a setting':
        pipeline.transforms[2].scale = (32, 32)
    else:
        pipeline.transforms[3].direction = 'vertical'


@pytest.mark.parametrize(
    'how', ['another pipeline', 'other steps', 'a step less', 'a setting', 'a setting of the random step']
)
def test_changed_pipeline_is_run_and_the_restored_one_gives_kept_samples(how: str) -> None:
    dataset, kept = (build('det', with_steps('det', FLIP)) for _ in range(2))
    keep_samples([KeptData(kept, reads=10**6)], limit=2**30)
    before, count = Snapshot(kept), len(kept.prepare_data.store)
    first = plain(draw(dataset))
    for each in (dataset, kept):
        switched(each, how)
    changed = plain(draw(dataset))
    assert plain(draw(kept)) == changed != first
    assert len(kept.prepare_data.store) == count, 'nothing is kept of it'
    before.restore()
    assert plain(draw(kept)) == first and len(kept.prepare_data.store) > count


def test_what_does_not_fit_is_told_and_nothing_is_kept() -> None:
    dataset = build('det', with_steps('det', FLIP))
    notice = keep_samples([KeptData(dataset, reads=10**6)], limit=10_000)
    assert 'not kept in memory: they need about' in notice and 'execute.cache' in notice and '\n' not in notice
    assert 'prepare_data' not in vars(dataset)


def test_only_what_is_before_a_flip_where_both_ways_do_not_fit() -> None:
    dataset, kept = (build('det', with_steps('det', FLIPS)) for _ in range(2))
    each = max(SampleStore.size_of(freeze(sample)) for sample in kept)
    assert 'kept in memory: up to 12' in keep_samples([KeptData(kept, reads=10**6)], limit=2 * 12 * each)
    assert kept.prepare_data.steps.random_step is None
    assert plain(draw(kept)) == plain(draw(dataset))


def test_short_training_of_a_large_set_needs_only_what_it_reads() -> None:
    dataset = build('det', pipeline('det'))
    each = max(SampleStore.size_of(freeze(sample)) for sample in dataset)
    assert 'up to 3' in keep_samples([KeptData(dataset, reads=3)], limit=4 * each)
    draw(dataset)
    store = dataset.prepare_data.store
    assert 3 <= len(store) <= 4 and store.size <= store.limit, 'and what exceeds the limit is not kept'


def test_machine_without_memory_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, 'available_memory', lambda: 1000)
    assert 'not kept' in keep_samples([KeptData(build('det', pipeline('det')), reads=100)], limit=2**30)


def test_broken_file_is_told_and_nothing_is_kept() -> None:
    dataset = build('det', pipeline('det'))
    dataset.pipeline.transforms[0].transform = lambda results: 1 / 0
    assert 'not kept in memory: ZeroDivisionError' in keep_samples([KeptData(dataset, reads=100)], limit=2**30)


def test_data_set_with_a_way_of_its_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = build('det', pipeline('det'))
    kind = type('Own', (type(dataset),), {'get_data_info': lambda self, index: dataset.get_data_info(index)})
    monkeypatch.setattr(dataset, '__class__', kind)
    assert keep_samples([KeptData(dataset, reads=100)], limit=2**30).endswith('Own makes them in a way of its own')


def test_nothing_is_asked_for() -> None:
    assert keep_samples([KeptData(object(), reads=1)], limit=0) == ''


def test_pipeline_ends_at_the_first_unknown_step() -> None:
    dataset = build('det', with_steps('det', CROP))
    steps = split(dataset.pipeline.transforms)
    assert [type(each).__name__ for each in steps.prefix] == ['LoadImageFromFile', 'LoadAnnotations', 'Resize']
    assert steps.random_step is None and [type(each).__name__ for each in steps.rest] == [
        'RandomCrop',
        'PackDetInputs',
    ]
    known = type(dataset.pipeline.transforms[2])
    dataset.pipeline.transforms[2].__class__ = type('Resize', (known,), {})
    assert len(split(dataset.pipeline.transforms).prefix) == 2, 'a class derived from a known one is another'


def test_codec_that_draws_ends_the_pipeline() -> None:
    dataset = build('pose', pipeline('pose'))
    target = dataset.pipeline.transforms[3]
    assert len(split(dataset.pipeline.transforms).prefix) == 5
    target.encoder = [target.encoder, object()]
    assert len(split(dataset.pipeline.transforms).prefix) == 3


@pytest.fixture
def tensors() -> Iterator[dict[str, torch.Tensor]]:
    yield {
        'bool': torch.tensor([True, False]),
        'scalar': torch.tensor(1.5, dtype=torch.float64),
        'empty': torch.zeros(0, 4),
        'part': torch.arange(12).view(3, 4)[:, 1:3],
        'bfloat16': torch.ones(2, dtype=torch.bfloat16),
        'weight': torch.nn.Parameter(torch.ones(2)),
    }


def test_frozen_tensors(tensors: dict[str, torch.Tensor]) -> None:
    copied = thaw(freeze(tensors))
    for name, tensor in tensors.items():
        assert torch.equal(copied[name], tensor) and copied[name].dtype == tensor.dtype
        assert copied[name].data_ptr() != tensor.data_ptr() or not tensor.numel()
    copied['bool'][0] = False
    assert tensors['bool'][0]


def test_data_set_within_a_sample_is_not_copied() -> None:
    dataset = object()
    assert thaw(freeze({'dataset': dataset}, dataset), dataset)['dataset'] is dataset
