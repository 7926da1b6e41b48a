"""The six metrics against the slow reference, against mmseg's, and at their limits."""

from __future__ import annotations

import math

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import SEGMENTATION_METRICS, count_images, segmentation_scores, total
from tests.test_evaluation import reference


@pytest.mark.parametrize(('band', 'tolerance'), [(1, 0), (2, 2), (3, 1)])
@pytest.mark.parametrize('seed', range(6))
def test_equals_the_slow_reference(make_maps, seed, band, tolerance):
    pred, target = make_maps(seed, ignored=0.15 * (seed % 3))
    found = segmentation_scores(pred, target, 5, band=band, tolerance=tolerance)
    wanted = reference.scores(pred.numpy(), target.numpy(), 5, 255, band, tolerance)
    assert list(found) == list(SEGMENTATION_METRICS)
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize('seed', range(8))
def test_few_pixels_that_count(make_maps, seed):
    """Classes that are only predicted, only wanted, without any boundary."""
    pred, target = make_maps(seed, classes=6, shape=(2, 4, 5), ignored=0.8)
    wanted = reference.scores(pred.numpy(), target.numpy(), 6, 255, 2, 2)
    assert segmentation_scores(pred, target, 6) == pytest.approx(wanted, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize('seed', range(4))
def test_agrees_with_mmseg(make_maps, seed):
    metrics = pytest.importorskip('mmseg.evaluation.metrics', exc_type=ImportError)
    pred, target = make_maps(seed, classes=7, shape=(3, 20, 30))
    pred[pred == 3] = 4  # never predicted
    target[target == 5] = 255  # only predicted
    areas = metrics.IoUMetric.intersect_and_union(pred, target, 9, 255)  # classes 7 and 8 are nowhere
    theirs = metrics.IoUMetric.total_area_to_metrics(*areas)
    wanted = {
        'mIoU': torch.tensor(theirs['IoU']).nanmean().item(),
        'mAcc': torch.tensor(theirs['Acc']).nanmean().item(),
        'gAcc': float(theirs['aAcc']),
    }
    assert segmentation_scores(pred, target, 9, names=list(wanted)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize('size', [1, 2, 3, 7])
def test_any_batch_size_gives_the_same(make_maps, size):
    """Also for classes that one batch only predicts and another one wants."""
    pred, target = make_maps(0, classes=20, shape=(7, 8, 8))
    batches = zip(pred.split(size), target.split(size), strict=True)
    parts = [total(count_images(*batch, 20)) for batch in batches]
    assert total(parts).scores() == segmentation_scores(pred, target, 20)


def test_perfect_is_one(make_maps):
    _, target = make_maps(1, shape=(3, 12, 10))
    scores = segmentation_scores(target.where(target != 255, 0), target, 11)
    assert scores == dict.fromkeys(SEGMENTATION_METRICS, 1.0)


def test_nothing_to_score_is_nan(make_maps):
    pred, target = make_maps(2)
    scores = segmentation_scores(pred, torch.full_like(target, 255), 4)
    assert list(scores) == list(SEGMENTATION_METRICS)
    assert all(math.isnan(value) for value in scores.values())


def test_an_ignored_image_changes_nothing(make_maps):
    pred, target = make_maps(3)
    blank = torch.full_like(target[:1], 255)
    more = torch.cat([pred, pred[:1]]), torch.cat([target, blank])
    assert segmentation_scores(*more, 4) == segmentation_scores(pred, target, 4)


@pytest.mark.parametrize('ignore', [255, 2, -1])
def test_what_is_predicted_on_ignored_pixels_does_not_matter(make_maps, ignore):
    pred, target = make_maps(4, shape=(3, 12, 10), ignored=0.2)
    target = torch.where(target == 255, ignore, target)
    scores = segmentation_scores(pred, target, 4, ignore_index=ignore)
    assert scores == segmentation_scores(torch.where(target == ignore, 99, pred), target, 4, ignore_index=ignore)


def test_only_what_was_asked_for(make_maps):
    pred, target = make_maps(5)
    everything = segmentation_scores(pred, target, 4)
    assert segmentation_scores(pred, target, 4, names=['BF1', 'mIoU']) == {
        'BF1': everything['BF1'],
        'mIoU': everything['mIoU'],
    }
    (counts, _) = count_images(pred, target, 4, names=['gAcc'])
    assert counts.band is None and counts.boundary is None


def test_labels_of_any_integer_type(make_maps):
    pred, target = make_maps(6)
    wanted = segmentation_scores(pred, target, 4)
    assert segmentation_scores(pred.to(torch.uint8), target.to(torch.uint8), 4) == wanted
    assert segmentation_scores(pred.int(), target, 4) == wanted


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'pred': torch.zeros(2, 3, 4)}, 'integers.*prediction is torch.float32'),
        ({'pred': torch.zeros(2, 4, 3).long()}, r'\(2, 4, 3\) and the target \(2, 3, 4\)'),
        ({'pred': torch.zeros(3, 4).long(), 'target': torch.zeros(3, 4).long()}, r'\(N, H, W\)'),
        ({'target': torch.full((2, 3, 4), 7)}, r'the target has \[7\]'),
        ({'pred': torch.full((2, 3, 4), -1)}, r'the prediction has \[-1\]'),
        ({'names': ['miou']}, "got \\['miou'\\]"),
        ({'names': 'mIoU'}, "list.*got 'mIoU'"),
        ({'names': []}, r'got \[\]'),
        ({'band': 0}, 'band=0'),
        ({'tolerance': -1}, 'tolerance=-1'),
        ({'pred': torch.zeros(0, 3, 4).long(), 'target': torch.zeros(0, 3, 4).long()}, 'got none'),
    ],
)
def test_bad_input_is_one_clear_error(change, message):
    call = {'pred': torch.zeros(2, 3, 4).long(), 'target': torch.zeros(2, 3, 4).long(), 'num_classes': 7}
    with pytest.raises(SetupError, match=message):
        segmentation_scores(**{**call, **change})


def test_counts_of_different_settings_do_not_add(make_maps):
    pred, target = make_maps(7)
    (first, _), (second, _) = count_images(pred, target, 4), count_images(pred, target, 4, names=['mIoU'])
    with pytest.raises(SetupError, match='same metrics and classes'):
        first + second
    with pytest.raises(SetupError, match='same metrics and classes'):
        first + count_images(pred, target, 5)[0]
