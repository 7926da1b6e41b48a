"""The metric as configs use it."""

from __future__ import annotations

import pickle

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import METRICS as ROOT
from mmengine.structures import BaseDataElement, PixelData

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import SEGMENTATION_METRICS, SegmentationMetric, segmentation_scores
from tests.isolation import run_without

CLASSES = {'classes': tuple('abcd')}


def sample(pred: torch.Tensor, target: torch.Tensor) -> BaseDataElement:
    """A data sample as mmseg's heads return it."""
    return BaseDataElement(pred_sem_seg=PixelData(data=pred[None]), gt_sem_seg=PixelData(data=target[None]))


@pytest.fixture
def samples(make_maps):
    return [sample(*pair) for pair in zip(*make_maps(0, shape=(5, 9, 12)), strict=True)]


def evaluator(meta=CLASSES, **options) -> Evaluator:
    made = Evaluator([{'type': 'mmautoloss.SegmentationMetric', **options}])
    made.dataset_meta = meta
    return made


@pytest.mark.parametrize('size', [1, 2, 5])
def test_scores_through_an_evaluator(samples, make_maps, size):
    used = evaluator()
    for start in range(0, 5, size):
        used.process(samples[start : start + size])
    found = used.evaluate(5)
    assert found == segmentation_scores(*make_maps(0, shape=(5, 9, 12)), 4)
    assert tuple(found) == SEGMENTATION_METRICS


def test_options_reach_the_counts(samples, make_maps):
    used = evaluator(names=['BF1', 'BIoU'], band=1, tolerance=0, ignore_index=3, prefix='val')
    maps = [torch.where(labels == 255, 3, labels) for labels in make_maps(0, shape=(5, 9, 12))]
    used.process([sample(*pair) for pair in zip(*maps, strict=True)])
    wanted = segmentation_scores(*maps, 4, ignore_index=3, names=['BF1', 'BIoU'], band=1, tolerance=0)
    assert used.evaluate(5) == {f'val/{name}': value for name, value in wanted.items()}


def test_the_data_set_may_say_what_is_ignored(make_maps):
    pred, target = make_maps(1)
    target[target == 255] = 9
    used = evaluator({**CLASSES, 'ignore_index': 9})
    used.process([sample(*pair) for pair in zip(pred, target, strict=True)])
    assert used.evaluate(2) == segmentation_scores(pred, target, 4, ignore_index=9)


def test_binary_maps_of_one_channel_are_floats(make_maps):
    """mmseg compares one channel with a threshold and keeps the type of its logits."""
    pred, target = (maps % 2 for maps in make_maps(2))
    used = evaluator({'classes': ('a', 'b')})
    used.process([sample(p.float(), t) for p, t in zip(pred, target, strict=True)])
    assert used.evaluate(len(pred)) == segmentation_scores(pred, target, 2)


@pytest.mark.parametrize('form', ['bool', 'array', 'without a channel'])
def test_forms_of_label_maps(form):
    maps = torch.randint(2, (2, 3, 9, 12), generator=torch.Generator().manual_seed(0))

    def given(labels):
        labels = labels.bool() if form == 'bool' else labels[0] if form == 'without a channel' else labels
        return {'data': labels.numpy() if form == 'array' else labels}

    pairs = [(pred[None], target[None]) for pred, target in zip(*maps, strict=True)]
    used, plain = evaluator({'classes': ('a', 'b')}), evaluator({'classes': ('a', 'b')})
    used.process([{'pred_sem_seg': given(p), 'gt_sem_seg': given(t)} for p, t in pairs])
    plain.process([sample(p[0], t[0]) for p, t in pairs])
    assert used.evaluate(3) == plain.evaluate(3)


def test_maps_of_several_channels_are_no_label_maps():
    one = {'pred_sem_seg': {'data': torch.ones(2, 4, 5)}, 'gt_sem_seg': {'data': torch.ones(1, 4, 5).long()}}
    with pytest.raises(SetupError, match='take the argmax over the classes'):
        evaluator({'classes': ('a', 'b')}).process([one])


def test_scores_are_no_labels(make_maps):
    pred, target = make_maps(2)
    with pytest.raises(SetupError, match='Labels must be integers, but the prediction is'):
        evaluator().process([sample(pred[0] + 0.5, target[0])])


def test_one_result_an_image_in_order(make_maps):
    """Several processes: MMEngine sends results by pickle, and drops repeated images from the end of the list."""
    shapes = [(1, 9, 12), (1, 9, 12), (1, 6, 7), (1, 9, 12)]
    maps = [make_maps(seed, shape=shape) for seed, shape in enumerate(shapes)]
    metric = SegmentationMetric()
    metric.dataset_meta = CLASSES
    metric.process(None, [sample(pred[0], target[0]).to_dict() for pred, target in maps])
    results = pickle.loads(pickle.dumps(metric.results))
    alone = [segmentation_scores(*pair, 4) for pair in maps]
    assert [metric.compute_metrics([each]) for each in results] == alone
    joined = [torch.cat([maps[i][part] for i in (0, 1, 3)]) for part in (0, 1)]
    del results[2]
    assert metric.compute_metrics(results) == segmentation_scores(*joined, 4)


@pytest.mark.parametrize('library', ['mmengine', 'mmseg'])
@pytest.mark.parametrize('name', ['SegmentationMetric', 'mmautoloss.SegmentationMetric'])
def test_builds_by_both_names(library, name):
    registry = pytest.importorskip(f'{library}.registry', exc_type=ImportError).METRICS
    assert type(registry.build({'type': name})) is SegmentationMetric
    assert type(ROOT.build({'type': name})) is SegmentationMetric


FRESH = """
import sys
from mmengine.registry import METRICS
assert not any(name.startswith('mmautoloss') for name in sys.modules)
print(type(METRICS.build(dict(type='mmautoloss.SegmentationMetric'))).__module__)
"""


def test_full_name_needs_no_import_and_no_mmseg():
    done = run_without(['mmcv', 'mmseg', 'mmdet', 'mmpose'], FRESH)
    assert done.stdout.splitlines()[-1:] == ['mmautoloss.evaluation.segmentation_metric'], done.stderr


def test_bad_settings_fail_at_once():
    with pytest.raises(SetupError, match='mDice'):
        SegmentationMetric(names=['mIoU', 'mDice'])
    with pytest.raises(SetupError, match='band=0'):
        SegmentationMetric(band=0)


def test_a_data_set_without_classes_or_labels_is_a_clear_error(samples):
    with pytest.raises(SetupError, match='"classes" in its metainfo'):
        evaluator({}).process(samples)
    with pytest.raises(SetupError, match=r"'gt_sem_seg' .* got \['pred_sem_seg'\]"):
        evaluator().process([BaseDataElement(pred_sem_seg=samples[0].pred_sem_seg)])
    with pytest.raises(SetupError, match='got none'):
        evaluator().evaluate(0)
