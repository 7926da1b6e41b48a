"""Metrics of raw predictions by name, which the rejection test tries to raise. All lie in [0, 1]; 1 is perfect."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.evaluation import SEGMENTATION_METRICS
from mmautoloss.extension import add
from mmautoloss.screen import map_metrics as maps
from mmautoloss.screen import score_metrics as scores
from mmautoloss.screen import value_metrics as values

ProbeMetric = Callable[[Tensor, Tensor, Mapping[str, Tensor]], float]

PROBE_METRICS: dict[str, ProbeMetric] = {
    'softmax_recall': scores.softmax_recall,
    'sigmoid_recall': scores.sigmoid_recall,
    'instance_recall': maps.instance_recall,
    'peak_recall': maps.peak_recall,
    'softmax_ap': scores.softmax_ap,
    'sigmoid_ap': scores.sigmoid_ap,
    'delta_iou': values.delta_iou,
    'closeness': values.closeness,
    'overlap': scores.overlap,
    'alignment': values.alignment,
    'quality_closeness': scores.quality_closeness,
    'score_closeness': scores.score_closeness,
    'area_iou': values.area_iou,
    'apart': values.apart,
    'apart_by_angle': values.apart_by_angle,
    'mask_iou': maps.mask_iou,
    'heatmap_recall': maps.heatmap_recall,
    'heatmap_pck': maps.heatmap_pck,
    **{name: maps.segmentation(name) for name in SEGMENTATION_METRICS},
}
"""Metrics by name.

Each kind of input names its metric (``InputKind.metric``). For scores this is not average precision, which depends only on
the ranking: a loss that raises all scores, positives slightly more, ranks free predictions perfectly but does not train a
network. For the same reason it is not the share of correct peaks (``heatmap_pck``) for heat maps, where a peak can be
raised without lowering other pixels, and not the IoU of masks (``mask_iou``), which fill most of their boxes, so that
raising all pixels is nearly correct.
"""


def register_metric(name: str, function: ProbeMetric) -> ProbeMetric:
    """Adds a metric that a kind of input can name.

    Args:
        name: Its name.
        function: ``function(pred, target, scaling)`` of the raw predictions and targets of the rows that count; returns a
            value from 0 to 1, where 1 is perfect. It should be low both where all predictions are too high and where all
            are too low.

    Raises:
        SetupError: It is not a function, or the name is taken.
    """
    if not callable(function):
        raise SetupError(f'The metric {name!r} must be a function of (pred, target, scaling), but got {function!r}.')
    add('metric', PROBE_METRICS, name, function)
    return function
