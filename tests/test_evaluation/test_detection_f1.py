"""F1 above a threshold, against counts by hand and a plain implementation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet')

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import DetectionF1

Box = tuple[float, float, float, float]
FIRST, SECOND, FAR = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (50.0, 50.0, 60.0, 60.0)


def image(detections: list[tuple[Box, float, int]], objects: list[tuple[Box, int]], **ignored: list) -> dict[str, Any]:
    boxes, scores, labels = zip(*detections, strict=True) if detections else ([], [], [])
    predictions = {
        'bboxes': torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        'scores': torch.tensor(scores, dtype=torch.float32),
        'labels': torch.tensor(labels, dtype=torch.int64),
    }
    instances = [{'bbox': list(box), 'bbox_label': label, 'ignore_flag': 0} for box, label in objects]
    instances += [
        {'bbox': list(box), 'bbox_label': label, 'ignore_flag': 1} for box, label in ignored.get('ignored', [])
    ]
    return {'pred_instances': predictions, 'instances': instances}


def scores(*images: dict[str, Any], classes: int = 2, **settings: Any) -> dict[str, float]:
    metric = DetectionF1(**settings)
    metric.dataset_meta = {'classes': [str(number) for number in range(classes)]}
    for each in images:
        metric.process({}, [each])
    return metric.evaluate(len(images))


def test_counts_are_of_all_images_and_the_mean_is_over_the_classes() -> None:
    first = image([(FIRST, 0.9, 0), (FAR, 0.8, 0), (SECOND, 0.7, 1)], [(FIRST, 0), (SECOND, 1)])
    second = image([(SECOND, 0.6, 1)], [(FIRST, 0), (FAR, 1)])
    found = scores(first, second)
    # class 0: 1 hit of 2 detections and 2 objects; class 1: 1 hit of 2 and 2
    assert found == {'detection/F1': 0.5, 'detection/precision': 0.5, 'detection/recall': 0.5}


def test_of_two_detections_of_an_object_one_is_a_hit() -> None:
    found = scores(image([(FIRST, 0.9, 0), (FIRST, 0.8, 0)], [(FIRST, 0)]), classes=1)
    assert found['detection/F1'] == pytest.approx(2 / 3)
    assert (found['detection/precision'], found['detection/recall']) == (0.5, 1.0)


@pytest.mark.parametrize(('score', 'hits'), [(0.5, 1.0), (0.4999, 0.0)])
def test_only_detections_from_the_threshold_on_count(score: float, hits: float) -> None:
    assert scores(image([(FIRST, score, 0)], [(FIRST, 0)]))['detection/F1'] == hits
    assert scores(image([(FIRST, score, 0)], [(FIRST, 0)]), score_thr=0.1)['detection/F1'] == 1.0


def test_overlap_decides() -> None:
    half = image([((0.0, 0.0, 10.0, 6.0), 0.9, 0)], [(FIRST, 0)])
    assert scores(half)['detection/F1'] == 1.0
    assert scores(half, iou_thr=0.7)['detection/F1'] == 0.0


def test_classes_without_objects_are_left_out_and_objects_that_do_not_count_are_neither_hit_nor_miss() -> None:
    found = scores(image([(FIRST, 0.9, 0), (SECOND, 0.9, 0), (FAR, 0.9, 1)], [(FIRST, 0)], ignored=[(SECOND, 0)]))
    assert found == {'detection/F1': 1.0, 'detection/precision': 1.0, 'detection/recall': 1.0}
    assert all(math.isnan(value) for value in scores(image([(FIRST, 0.9, 0)], [])).values())


def test_numbers_are_those_of_a_plain_implementation() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        images = [random_image(rng) for _ in range(4)]
        assert scores(*images, classes=3)['detection/F1'] == pytest.approx(plain_f1(images, 3))


def random_image(rng: np.random.Generator) -> dict[str, Any]:
    def box() -> Box:
        corner = rng.integers(0, 4, 2) * 4.0
        return (*corner, *(corner + rng.integers(4, 9, 2)))

    detections = [(box(), float(rng.random()), int(rng.integers(3))) for _ in range(rng.integers(0, 12))]
    return image(detections, [(box(), int(rng.integers(3))) for _ in range(rng.integers(1, 8))])


def plain_f1(images: list[dict[str, Any]], classes: int) -> float:
    values = []
    for label in range(classes):
        hits = detections = objects = 0
        for each in images:
            truths = [i['bbox'] for i in each['instances'] if i['bbox_label'] == label]
            found = each['pred_instances']
            mine = [
                n for n in range(len(found['labels'])) if found['labels'][n] == label and found['scores'][n] >= 0.5
            ]
            taken: set[int] = set()
            for n in sorted(mine, key=lambda n: -float(found['scores'][n])):
                overlaps = [overlap(found['bboxes'][n].tolist(), truth) for truth in truths]
                best = int(np.argmax(overlaps)) if overlaps else -1
                if overlaps and overlaps[best] >= 0.5 and best not in taken:
                    taken.add(best)
            hits, detections, objects = hits + len(taken), detections + len(mine), objects + len(truths)
        if objects:
            values.append(2 * hits / (detections + objects))
    return float(np.mean(values))


def overlap(one: list[float], two: list[float]) -> float:
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    common = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, two)]
    return common / (sum(areas) - common)


@pytest.mark.parametrize(
    ('setting', 'message'),
    [
        ({'score_thr': 1.5}, 'score_thr'),
        ({'score_thr': '0.5'}, 'score_thr'),
        ({'iou_thr': 0}, 'iou_thr must be positive'),
    ],
)
def test_settings_without_a_meaning_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        DetectionF1(**setting)


def test_images_without_their_objects_are_refused() -> None:
    blind = image([(FIRST, 0.9, 0)], [])
    del blind['instances']
    with pytest.raises(SetupError, match='add instances to the meta_keys'):
        scores(blind)
