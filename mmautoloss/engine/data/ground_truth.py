"""Checks that the annotation file of a metric belongs to the validated images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from mmautoloss.engine.data.datasets import data_sets
from mmautoloss.engine.data.locations import ImageFiles, real_path
from mmautoloss.errors import SetupError


def require_matching_truth(cfg: Mapping[str, Any], split: str = 'val') -> None:
    """Checks that the ``ann_file`` of each metric is that of the validated data set.

    Images that are in the file but not validated would count as missed.

    Args:
        cfg: A config with data and evaluator of the split.
        split: ``'val'`` or ``'test'``.

    Raises:
        SetupError: A metric reads another file, or the data set takes only a part of the same file.
    """
    for metric, datasets in _pairs(cfg, split):
        ann_file, files = metric.get('ann_file'), [ImageFiles.of(dataset).annotations for dataset in datasets]
        if not isinstance(ann_file, (str, PathLike)) or not all(files):
            continue
        others = _other_files(files, fspath(ann_file))
        parts = [dataset for dataset in datasets if _choice(dataset)]
        if others or parts:
            images = f'of {others[0]}' if others else f'of a part of it ({_choice(parts[0])})'
            raise SetupError(
                f'{split}_evaluator reads the truth from {ann_file}, but {split}_dataloader validates images {images}: all '
                f'others would count as missed, so no score would be right. Set ann_file=None in {split}_evaluator, so that '
                'CocoMetric takes the truth from the data set (its pipeline then needs LoadAnnotations), or name the file '
                'that is validated.'
            )


def _pairs(cfg: Mapping[str, Any], split: str) -> list[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Each metric with the data sets that it evaluates."""
    evaluator, datasets = cfg.get(f'{split}_evaluator') or [], data_sets(cfg, [f'{split}_dataloader'])
    if isinstance(evaluator, Mapping) and 'metrics' in evaluator:
        metrics, evaluated = _listed(evaluator['metrics']), list(evaluator.get('datasets') or datasets)
        if {'datasets', 'dataset_prefixes'} & set(evaluator) and len(metrics) == len(evaluated):
            # mmdet's and mmpose's evaluators for several data sets
            return [(metric, [dataset]) for metric, dataset in zip(metrics, evaluated, strict=True)]
        evaluator = metrics
    return [(metric, datasets) for metric in _listed(evaluator)]


def _listed(metrics: Any) -> list[Mapping[str, Any]]:
    return [metrics] if isinstance(metrics, Mapping) else [metric for metric in metrics if isinstance(metric, Mapping)]


def _other_files(files: list[str], ann_file: str) -> list[str]:
    """The files other than that of the metric; none if all together have exactly its images.

    That is so for the instances and panoptic masks of COCO, and for the parts of a joined file.
    """
    others = [file for file in files if real_path(file) != real_path(ann_file)]
    images = [_images(path) for path in (ann_file, *files)] if others else []
    known = [ids for ids in images if ids is not None]
    joined = images and len(known) == len(images) and known[0] == set().union(*known[1:])
    return [] if joined else others


def _images(path: str) -> set[Any] | None:
    """The ids of the images of a COCO file; None for other files."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8')) if path.endswith('.json') else None
        return {image['id'] for image in content['images']} if content else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _choice(dataset: Mapping[str, Any]) -> str:
    """The setting by which a data set leaves out images of its file; '' if there is none."""
    if dataset.get('indices') is not None:
        return f'indices={dataset["indices"]}'
    if dataset.get('sample_interval', 1) != 1:  # of mmpose
        return f'sample_interval={dataset["sample_interval"]}'
    filtered = dict(dataset.get('filter_cfg') or {}) if not dataset.get('test_mode') else {}
    return f'filter_cfg={filtered} without test_mode=True' if any(filtered.values()) else ''
