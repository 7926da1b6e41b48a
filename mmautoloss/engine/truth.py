"""Whether a metric that reads the truth from a file reads that of the images which are validated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmautoloss.engine.data import data_sets
from mmautoloss.engine.places import Place, real_path
from mmautoloss.errors import SetupError


def require_own_truth(cfg: Mapping[str, Any], split: str = 'val') -> None:
    """Compares the ``ann_file`` of each metric with the validated data set; images that are not validated would count
    as missed.

    Args:
        cfg: A config with data and evaluator of the split.
        split: ``'val'`` or ``'test'``.

    Raises:
        SetupError: A metric reads another file, or the same one of which the data set takes a part only.
    """
    for metric, datasets in _pairs(cfg, split):
        told, files = metric.get('ann_file'), [Place.of(dataset).annotations for dataset in datasets]
        if not isinstance(told, str) or not all(files):
            continue
        others = [file for file in files if real_path(file) != real_path(told) and not _same_images(file, told)]
        parts = [dataset for dataset in datasets if _choice(dataset)]
        if others or parts:
            what = f'of {others[0]}' if others else f'of a part of it ({_choice(parts[0])})'
            raise SetupError(
                f'{split}_evaluator reads the truth from {told}, but {split}_dataloader validates images {what}: all others '
                f'would count as missed, so no score would be right. Set ann_file=None in {split}_evaluator, so that '
                'CocoMetric takes the truth from the data set (its pipeline then needs LoadAnnotations), or name the file '
                'that is validated.'
            )


def _pairs(cfg: Mapping[str, Any], split: str) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each metric with the data sets that it judges."""
    evaluator, datasets = cfg.get(f'{split}_evaluator') or [], data_sets(cfg, [f'{split}_dataloader'])
    if isinstance(evaluator, Mapping) and 'metrics' in evaluator:  # one of each data set
        metrics = evaluator['metrics']
        metrics = [metrics] if isinstance(metrics, Mapping) else metrics
        if len(metrics) == len(datasets) > 1:
            of_each = data_sets({'of': {'dataset': {'datasets': list(evaluator.get('datasets') or datasets)}}}, ['of'])
            datasets = of_each if len(of_each) == len(metrics) else datasets
            yield from zip(metrics, ([dataset] for dataset in datasets), strict=True)
            return
        evaluator = metrics
    for metric in [evaluator] if isinstance(evaluator, Mapping) else evaluator:
        if isinstance(metric, Mapping):
            yield metric, datasets


def _same_images(one: str, other: str) -> bool:
    """Whether two COCO files, such as of instances and of panoptic masks, are about the same images."""
    found = [_images(path) for path in (one, other)]
    return found[0] is not None and found[0] == found[1]


def _images(path: str) -> set[Any] | None:
    """The ids of the images of a COCO file; None where it is none."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8')) if path.endswith('.json') else None
        return {image['id'] for image in content['images']} if content else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _choice(dataset: Mapping[str, Any]) -> str:
    """How a data set leaves images of its file out; '' where it does not."""
    if dataset.get('indices') is not None:
        return f'indices={dataset["indices"]}'
    filtered = dataset.get('filter_cfg') if not dataset.get('test_mode') else None
    return f'filter_cfg={dict(filtered)} without test_mode=True' if filtered else ''
