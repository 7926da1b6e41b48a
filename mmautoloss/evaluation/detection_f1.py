"""F1 of a detector that is used at one threshold, for the ``val_evaluator`` of mmdet's configs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from mmengine.evaluator import BaseMetric

from mmautoloss.checks import require_number
from mmautoloss.errors import SetupError
from mmautoloss.registry import METRICS, register


class Counts(NamedTuple):
    """What was found in images, of each class; arrays of shape (classes,), int64.

    Attributes:
        hits: Detections of an object that no better one has.
        detections: All detections, but those of objects that do not count.
        objects: Objects that count.
    """

    hits: np.ndarray
    detections: np.ndarray
    objects: np.ndarray


@register(METRICS, everywhere=True)
class DetectionF1(BaseMetric):
    """F1, precision and recall of the detections above a threshold, in [0, 1]: the mean over the classes in the images.

    AP asks how detections are ranked and never what their scores are; a detector that is used draws a line somewhere. Of
    several detections of an object the one with the highest score is a hit and the others are not, as in Pascal VOC
    (Everingham et al., IJCV 2010). F1 of a class is ``2 * hits / (detections + objects)``.

    Args:
        score_thr: Score from which on a detection counts.
        iou_thr: Least intersection over union with the object, above 0.
        collect_device: ``'cpu'`` or ``'gpu'``, as in ``BaseMetric``.
        prefix: Prefix of the names in logs; ``'detection'`` by default.
        collect_dir: Folder for exchange between processes, as in ``BaseMetric``.

    Raises:
        SetupError: A setting has no meaning.
    """

    default_prefix = 'detection'

    def __init__(
        self,
        score_thr: float = 0.5,
        iou_thr: float = 0.5,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        collect_dir: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix, collect_dir=collect_dir)
        require_number('DetectionF1.score_thr', score_thr, least=0, most=1)
        require_number('DetectionF1.iou_thr', iou_thr, least=0, most=1, above=True)
        self.score_thr, self.iou_thr = score_thr, iou_thr

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Counts in a batch.

        Args:
            data_batch: Not used.
            data_samples: For each image ``pred_instances`` with ``bboxes`` (N, 4), ``scores`` (N,) and ``labels`` (N,), and
                its ``instances`` (``meta_keys`` of ``PackDetInputs``), as mmdet's ``CocoMetric`` takes them.

        Raises:
            SetupError: An image has no ``instances``.
        """
        classes = len(self.dataset_meta['classes'])
        self.results.extend(self._count(sample, classes) for sample in data_samples)

    def _count(self, sample: Mapping[str, Any], classes: int) -> Counts:
        if 'instances' not in sample:
            raise SetupError(
                'DetectionF1 needs the objects of each image: add instances to the meta_keys of PackDetInputs in the '
                'pipeline of the validation.'
            )
        found = {key: sample['pred_instances'][key].cpu().numpy() for key in ('bboxes', 'scores', 'labels')}
        found = {key: values[found['scores'] >= self.score_thr] for key, values in found.items()}
        rows = [self._count_class(found, sample['instances'], label) for label in range(classes)]
        return Counts(*np.array(rows, np.int64).T)

    def _count_class(
        self, found: Mapping[str, np.ndarray], instances: Sequence[Mapping[str, Any]], label: int
    ) -> tuple[int, int, int]:
        from mmdet.evaluation.functional.mean_ap import tpfp_default  # slow to import

        mine = found['labels'] == label
        objects = [_boxes(instances, label, ignored) for ignored in (False, True)]
        if not mine.any():
            return 0, 0, len(objects[0])
        detections = np.column_stack([found['bboxes'][mine], found['scores'][mine]])
        hits, misses = tpfp_default(detections, *objects, iou_thr=self.iou_thr)
        return int(hits.sum()), int(hits.sum() + misses.sum()), len(objects[0])

    def compute_metrics(self, results: list[Counts]) -> dict[str, float]:
        """Scores of all images together; NaN where no image has an object.

        Args:
            results: What ``process`` counted.
        """
        hits, detections, objects = (np.sum(counts, axis=0) for counts in zip(*results, strict=True))
        there = objects > 0
        if not there.any():
            return dict.fromkeys(('F1', 'precision', 'recall'), float('nan'))
        shares = {
            'F1': 2 * hits[there] / (detections + objects)[there],
            'precision': hits[there] / np.maximum(detections[there], 1),
            'recall': hits[there] / objects[there],
        }
        return {name: float(share.mean()) for name, share in shares.items()}


def _boxes(instances: Sequence[Mapping[str, Any]], label: int, ignored: bool) -> np.ndarray:
    """Corners of the objects of a class that count, or of those that do not; shape (N, 4), float32."""
    boxes = [
        instance['bbox']
        for instance in instances
        if instance['bbox_label'] == label and bool(instance.get('ignore_flag', 0)) == ignored
    ]
    return np.array(boxes, np.float32).reshape(-1, 4)
