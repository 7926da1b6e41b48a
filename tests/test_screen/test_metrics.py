"""Metrics of predictions against sklearn and mmdet."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmautoloss.evaluation import SEGMENTATION_METRICS, segmentation_scores
from mmautoloss.screen.map_metrics import heatmap_pck, heatmap_recall, mask_iou
from mmautoloss.screen.metrics import PROBE_METRICS
from mmautoloss.screen.score_metrics import average_precision, sigmoid_ap, sigmoid_recall, softmax_ap, softmax_recall
from mmautoloss.screen.value_metrics import area_iou, delta_iou
from tests.test_screen.conftest import SCALING


@pytest.mark.parametrize('levels', [None, 5, 2, 1], ids=['no ties', 'ties', '2 values', 'equal'])
@pytest.mark.parametrize('share', [0.5, 0.05, 1.0])
def test_average_precision_is_that_of_sklearn(levels: int | None, share: float) -> None:
    metrics = pytest.importorskip('sklearn.metrics')
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores = rng.normal(size=60) if levels is None else rng.integers(0, levels, 60) / 3.0
        positive = rng.random(60) < share
        positive[rng.integers(60)] = True
        wanted = metrics.average_precision_score(positive, scores)
        found = average_precision(torch.from_numpy(scores), torch.from_numpy(positive))
        assert found == pytest.approx(wanted, abs=1e-12)


def test_class_metrics_are_means_over_classes_that_occur() -> None:
    metrics = pytest.importorskip('sklearn.metrics')
    pred = torch.randn(40, 5, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(40) % 3
    probability = pred.softmax(dim=1)
    wanted = np.mean([metrics.average_precision_score(labels == c, probability[:, c]) for c in range(3)])
    assert softmax_ap(pred, labels, {}) == pytest.approx(wanted)
    targets = torch.nn.functional.one_hot(labels, 5)
    wanted = np.mean([metrics.average_precision_score(labels == c, pred[:, c]) for c in range(3)])
    assert sigmoid_ap(pred, targets, {}) == pytest.approx(wanted)


def test_no_class_at_all_is_worth_nothing() -> None:
    assert sigmoid_ap(torch.zeros(3, 2), torch.zeros(3, 2), {}) == 0


@pytest.mark.parametrize('seed', range(3))
def test_delta_iou_is_that_of_decoded_boxes_for_any_anchor(seed: int) -> None:
    """mmdet decodes and compares; the IoU must not depend on the anchors."""
    coders = pytest.importorskip('mmdet.models.task_modules.coders')
    from mmdet.structures.bbox import bbox_overlaps

    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(50, 2, generator=generator) * 300
    anchors = torch.cat([corner, corner + 5 + 200 * torch.rand(50, 2, generator=generator)], 1)
    pred, target = torch.randn(2, 50, 4, generator=generator)
    coder = coders.DeltaXYWHBBoxCoder(target_stds=SCALING['stds'].tolist(), clip_border=False)
    boxes, truth = coder.decode(anchors, pred), coder.decode(anchors, target)
    wanted = bbox_overlaps(boxes, truth, is_aligned=True).mean().item()
    assert delta_iou(pred, target, SCALING) == pytest.approx(wanted, abs=2e-5)
    assert area_iou(boxes, truth, {}) == pytest.approx(wanted, abs=2e-5)


def test_recall_counts_every_class_the_same() -> None:
    pred = torch.tensor([[2.0, 0.0, 1.0]] * 3 + [[0.0, 2.0, 1.0]])
    assert softmax_recall(pred, torch.tensor([0, 0, 1, 1]), {}) == pytest.approx((1 + 0.5) / 2)
    targets = torch.tensor([[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 1, 0]]).float()
    # column 0: its positive is found, one of three negatives; column 1: all right; column 2 has no positive
    assert sigmoid_recall(pred - 0.5, targets, {}) == pytest.approx((1 + 1 / 3 + 1 + 1) / 4)


@pytest.mark.parametrize('name', list(PROBE_METRICS))
def test_perfect_is_one(name: str) -> None:
    labels = torch.arange(12) % 3
    one_hot = torch.nn.functional.one_hot(labels, 3).float()
    deltas = torch.randn(12, 4, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([[1.0, 2.0, 30.0, 50.0]]).repeat(12, 1)
    label_maps = torch.arange(3).repeat_interleave(4).view(1, 1, 12).expand(2, 6, 12)
    one_hot_maps = torch.nn.functional.one_hot(label_maps, 3).movedim(-1, 1).float()
    masks, heat = one_hot_maps[:, :1], torch.rand(2, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    calls = {
        'softmax_recall': (one_hot * 9, labels, {}),
        'sigmoid_recall': (one_hot * 9 - 4, one_hot, {}),
        'softmax_ap': (one_hot * 9, labels, {}),
        'sigmoid_ap': (one_hot * 9, one_hot, {}),
        'instance_recall': (one_hot * 9 - 4, one_hot, {}),
        'peak_recall': (one_hot_maps * 9 - 4, one_hot_maps, {}),
        'apart': (one_hot, labels, {}),
        'apart_by_angle': (one_hot * torch.arange(1, 13)[:, None], labels, {}),
        'delta_iou': (deltas, deltas, SCALING),
        'closeness': (deltas, deltas, {}),
        'alignment': (2 * deltas, deltas, {}),
        'score_closeness': (torch.where(one_hot > 0, torch.tensor(0.4).logit(), -99.0), 0.4 * one_hot, {}),
        'overlap': (one_hot * 99, one_hot, {}),
        'quality_closeness': (one_hot * 99 - 50, torch.cat([one_hot, torch.ones(len(one_hot), 1)], dim=1), {}),
        'area_iou': (boxes, boxes, {}),
        'mask_iou': (masks * 9 - 4, masks, {}),
        'heatmap_pck': (heat, heat, {}),
        'heatmap_recall': (heat, heat, {}),
        **{name: (one_hot_maps, label_maps, {}) for name in SEGMENTATION_METRICS},
    }
    assert PROBE_METRICS[name](*calls[name]) == pytest.approx(1.0, abs=1e-6)


def test_masks_are_compared_one_by_one() -> None:
    target = torch.zeros(3, 1, 2, 2)
    target[0, 0, 0], target[1, 0, 0] = 1, 1
    pred = torch.full((3, 1, 2, 2), -1.0)
    pred[0, 0, 0, 0] = 1  # half of the first mask, nothing of the second, rightly nothing of the third
    assert mask_iou(pred, target, {}) == pytest.approx((0.5 + 0 + 1) / 3)


def test_peaks_must_be_near() -> None:
    target, pred = torch.zeros(1, 4, 40, 30), torch.zeros(1, 4, 40, 30)
    target[0, :, 10, 10] = 1
    target[0, 3] = -1  # does not count
    pred[0, 0, 12, 10], pred[0, 1, 12, 11], pred[0, 2, 10, 29] = 1, 1, 1  # 2, sqrt(5) and 19 pixels away
    assert heatmap_pck(pred, target, {}) == pytest.approx(1 / 3)


def test_hot_and_cold_pixels_count_the_same() -> None:
    target = torch.full((1, 2, 4, 4), 0.3)
    target[0, 0, 0, :2], target[0, 1] = 0.9, -1  # two hot pixels; the second keypoint does not count
    pred = torch.zeros(1, 2, 4, 4)
    pred[0, 0, 0, 0], pred[0, 0, 3] = 0.8, 0.8
    assert heatmap_recall(pred, target, {}) == pytest.approx((1 / 2 + 10 / 14) / 2)


def test_segmentation_is_judged_by_the_metric_itself() -> None:
    pred = torch.randn(3, 4, 8, 9, generator=torch.Generator().manual_seed(0))
    target = torch.randint(4, (3, 8, 9), generator=torch.Generator().manual_seed(1))
    target[0, :3] = -1
    wanted = segmentation_scores(pred.argmax(1), target.where(target >= 0, 255), 4)
    for name in SEGMENTATION_METRICS:
        assert PROBE_METRICS[name](pred, target, {}) == pytest.approx(wanted[name])


def test_sigmoid_recall_of_maps_is_that_of_their_pixels() -> None:
    pred, target = torch.randn(2, 3, 4, 5), (torch.rand(2, 3, 4, 5) > 0.5).float()
    rows = [maps.movedim(1, -1).reshape(-1, 3) for maps in (pred, target)]
    assert sigmoid_recall(pred, target, {}) == pytest.approx(sigmoid_recall(*rows, {}))
    target[0] = -1
    assert sigmoid_recall(pred, target, {}) == pytest.approx(sigmoid_recall(rows[0][20:], rows[1][20:], {}))


def test_huge_deltas_stay_finite() -> None:
    pred = torch.full((2, 4), 1e6)
    assert 0 <= delta_iou(pred, torch.zeros(2, 4), SCALING) < 1e-3
