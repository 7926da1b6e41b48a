"""The validation images of a search and their ground truth, as on the disk."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

from mmautoloss.proxy import plain_config

_IMAGES = {'mmdet': 'mmdet.LoadImageFromFile', 'mmseg': 'LoadImageFromFile', 'mmpose': 'mmpose.LoadImage'}
_PACK = {'mmdet': 'mmdet.PackDetInputs', 'mmseg': 'mmseg.PackSegInputs', 'mmpose': 'mmpose.PackPoseInputs'}

SCOPES = tuple(_PACK)
"""The libraries whose samples are supported."""


class Truth(NamedTuple):
    """A sample of the data set.

    Attributes:
        path: The image.
        image: (h, w, 3), RGB, bytes.
        arrays: As ``proxy.predictions.Prediction.arrays``, and ``keypoints_visible`` (n, k).
    """

    path: str
    image: np.ndarray
    arrays: Mapping[str, np.ndarray]


class ValidationImages:
    """The validation data of a search, without the resizing that its network needs.

    Args:
        cfg: The search config.
        masks: Whether masks of instances are read.

    Attributes:
        metainfo: The data set's meta information: classes, colours, skeleton.
    """

    def __init__(self, cfg: Config, masks: bool = False) -> None:
        self._scope = cfg.default_scope
        settings = plain_config(cfg.val_dataloader.dataset)
        inner = settings
        while 'pipeline' not in inner:  # wrappers such as ConcatDataset
            inner = inner.get('dataset') or inner['datasets'][0]
        inner['pipeline'] = loading(inner['pipeline'], self._scope, masks)
        silence = contextlib.redirect_stdout(io.StringIO())  # pycocotools prints
        with silence, DefaultScope.overwrite_default_scope(self._scope):
            self._dataset = DATASETS.build(settings)
        self.metainfo = dict(self._dataset.metainfo)

    def of(self, paths: Collection[str]) -> Iterator[Truth]:
        """The samples of some images, in the order of the data set."""
        for index in range(len(self._dataset)):
            path = str(self._dataset.get_data_info(index)['img_path'])
            if path in paths:
                with DefaultScope.overwrite_default_scope(self._scope):
                    packed = self._dataset[index]
                yield Truth(path, as_rgb(packed['inputs'].numpy()), _arrays(packed['data_samples']))


def as_rgb(image: np.ndarray) -> np.ndarray:
    """An image (c, h, w) of any number of channels and of any type as one (h, w, 3) that can be shown, RGB, bytes.

    The first three channels are taken for blue, green and red, further ones are not shown; of fewer channels, the first
    one is shown as grey. Other types than bytes are scaled from their least to their largest finite value.
    """
    shown = image[2::-1] if len(image) >= 3 else np.repeat(image[:1], 3, axis=0)
    if shown.dtype != np.uint8:
        shown = np.nan_to_num(_stretched(shown.astype(np.float64)) * 255).round().astype(np.uint8)
    return np.ascontiguousarray(shown.transpose(1, 2, 0))


def _stretched(values: np.ndarray) -> np.ndarray:
    """Values from 0 to 1; NaN stays."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.zeros_like(values)
    low, high = finite.min(), finite.max()
    return np.clip((values - low) / (high - low if high > low else 1.0), 0, 1)


def loading(pipeline: list[Any], scope: str, masks: bool) -> list[dict[str, Any]]:
    """The steps of a pipeline that read image and annotations, which then both have the size of the file.

    Args:
        pipeline: The pipeline of the config.
        scope: The library.
        masks: Whether masks of instances are to be read.
    """
    images = [step for step in pipeline if _name(step).startswith('LoadImage')] or [{'type': _IMAGES[scope]}]
    if scope == 'mmdet':
        truth = [{'type': 'mmdet.LoadAnnotations', 'with_bbox': True, 'with_mask': masks}]
    elif scope == 'mmseg':
        truth = [step for step in pipeline if _name(step) == 'LoadAnnotations'] or [{'type': 'mmseg.LoadAnnotations'}]
    else:
        truth = []  # entries of the data set of mmpose have the keypoints already
    return [*images, *truth, {'type': _PACK[scope]}]


def _name(step: Mapping[str, Any]) -> str:
    kind = step['type']
    return (kind if isinstance(kind, str) else kind.__name__).rpartition('.')[2]


def _arrays(sample: Any) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    labels, instances = sample.get('gt_sem_seg'), sample.get('gt_instances')
    if labels is not None:
        arrays['sem_seg'] = labels.data.numpy().squeeze(0)
    for name in ('bboxes', 'labels', 'masks', 'keypoints', 'keypoints_visible'):
        value = None if instances is None else instances.get(name)
        if value is not None:
            value = getattr(value, 'tensor', value)
            arrays[name] = value.to_ndarray().astype(bool) if hasattr(value, 'to_ndarray') else np.asarray(value)
    return arrays
