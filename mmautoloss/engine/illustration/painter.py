"""Ground truth and predictions on images, drawn by the libraries' own visualisers."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.registry import VISUALIZERS, DefaultScope
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from mmengine.visualization import Visualizer

KINDS = {
    'mmdet': {'type': 'mmdet.DetLocalVisualizer', 'line_width': 2},
    'mmseg': {'type': 'mmseg.SegLocalVisualizer', 'alpha': 0.6},
    'mmpose': {'type': 'mmpose.PoseLocalVisualizer', 'radius': 4, 'line_width': 2},
}
"""The visualiser of each library, if a config does not name one."""

_NUMBERS = itertools.count()
_RESIZED = ('masks', 'sem_seg')
_SCALED = ('bboxes', 'keypoints')


class Painter:
    """Draws the arrays of predictions (``Prediction.arrays``) or of ground truth on an image.

    Args:
        visualizer: The visualiser of a library, with the data set's classes and colours.
        size: Pixels of the longer side of the drawing.
    """

    def __init__(self, visualizer: Visualizer, size: int) -> None:
        self._visualizer = visualizer
        self.size = size

    def draw(self, image: np.ndarray, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """The image (h, w, 3), RGB, scaled to ``size``, with the objects of the arrays drawn on it."""
        import cv2

        scale = self.size / max(image.shape[:2])
        shown = cv2.resize(
            image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
        )
        height, width = shown.shape[:2]
        sample = _sample(_scaled(arrays, scale, (height, width)))
        with _fixed_colours(), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # such as that of a predicted box that leaves the image
            # names of classes would hide small maps
            options = {'with_labels': False} if 'gt_sem_seg' in sample else {}
            self._visualizer.add_datasample('', shown, sample, draw_pred=False, **options)
        return self._visualizer.get_image()


@contextlib.contextmanager
def painter_of(
    scope: str, settings: Mapping[str, Any], metainfo: Mapping[str, Any], size: int = 360
) -> Iterator[Painter]:
    """A painter whose visualiser is removed from MMEngine's managers in the end.

    Args:
        scope: The library.
        settings: ``visualizer`` of a config, used without its backends if its class is a library's.
        metainfo: Classes, colours and skeleton of the data set.
        size: Pixels of the longer side of the drawing.
    """
    kind = settings if str(settings.get('type', '')).endswith('LocalVisualizer') else KINDS[scope]
    name = f'pictures_{next(_NUMBERS)}'
    with DefaultScope.overwrite_default_scope(scope):
        visualizer = VISUALIZERS.build({**KINDS[scope], **kind, 'name': name, 'vis_backends': [], 'save_dir': None})
    # mmdet takes a tuple for a single colour
    colours = {'palette': [tuple(colour) for colour in metainfo['palette']]} if metainfo.get('palette') else {}
    if scope == 'mmpose':  # takes colours and skeleton from it
        visualizer.set_dataset_meta(dict(metainfo))
    else:
        visualizer.dataset_meta = {**metainfo, **colours}
    try:
        yield Painter(visualizer, size)
    finally:
        for manager in (Visualizer, type(visualizer)):
            manager._instance_dict.pop(name, None)


def _sample(arrays: Mapping[str, np.ndarray]) -> BaseDataElement:
    """A sample with all arrays as ground truth, also scores, since predictions have been chosen already."""
    sample = BaseDataElement()
    if 'sem_seg' in arrays:
        sample.gt_sem_seg = PixelData(data=torch.as_tensor(arrays['sem_seg'].astype(np.int64))[None])
    else:
        sample.gt_instances = InstanceData(**arrays)
    return sample


def _scaled(arrays: Mapping[str, np.ndarray], scale: float, shape: tuple[int, int]) -> dict[str, Any]:
    scaled: dict[str, Any] = {}
    for name, array in arrays.items():
        if name in _SCALED:
            array = array * scale
        elif name in _RESIZED:
            array = _resize(array, shape)
        # mmdet's visualiser reads tensors, mmpose's arrays
        scaled[name] = array if 'keypoints' in arrays or name == 'sem_seg' else torch.as_tensor(array)
    return scaled


def _resize(maps: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    rows, columns = ((np.arange(n) + 0.5) * m / n for n, m in zip(shape, maps.shape[-2:], strict=True))
    return maps[..., rows.astype(int)[:, None], columns.astype(int)]


@contextlib.contextmanager
def _fixed_colours() -> Iterator[None]:
    """mmdet jitters the colours of masks by numpy's global generator, whose state is restored."""
    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)
