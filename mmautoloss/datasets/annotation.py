"""Scenes as COCO annotations: boxes, run-length masks and the four extreme points."""

from __future__ import annotations

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from mmautoloss.datasets.scene import Instance, Scene, mask_box

CLASSES = ('zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine')
PALETTE = (
    (230, 25, 75), (60, 180, 75), (255, 225, 25), (0, 130, 200), (245, 130, 48),
    (145, 30, 180), (70, 240, 240), (240, 50, 230), (210, 245, 60), (250, 190, 212),
)  # fmt: skip
KEYPOINTS = ('top', 'bottom', 'left', 'right')


def extreme_points(mask: np.ndarray) -> np.ndarray:
    """The outermost pixels of a mask.

    Where several pixels of the outermost row or column are set, the middle one of them is taken.

    Args:
        mask: Visible pixels, shape (H, W), bool, not empty.

    Returns:
        x and y of the top, bottom, left and right pixel, shape (4, 2), int.
    """
    rows, columns = np.nonzero(mask)
    points = []
    for along, across, outermost in (
        (rows, columns, rows.min()),
        (rows, columns, rows.max()),
        (columns, rows, columns.min()),
        (columns, rows, columns.max()),
    ):
        candidates = np.sort(across[along == outermost])
        middle = candidates[len(candidates) // 2]
        points.append((middle, outermost) if along is rows else (outermost, middle))
    return np.array(points, dtype=int)


def annotate(instance: Instance) -> dict[str, Any]:
    """One entry of ``annotations``, without the ids.

    ``category_id`` is digit + 1, the label of the digit in the label map; ``source`` is the row of
    the handwritten digit in ``sklearn.datasets.load_digits``.
    """
    run_length = coco_mask.encode(np.asfortranarray(instance.mask, dtype=np.uint8))
    run_length['counts'] = run_length['counts'].decode('ascii')
    points = np.column_stack([extreme_points(instance.mask), np.full(len(KEYPOINTS), 2)])
    return {
        'category_id': instance.digit + 1,
        'bbox': list(mask_box(instance.mask)),
        'area': int(instance.mask.sum()),
        'iscrowd': 0,
        'segmentation': run_length,
        'num_keypoints': len(KEYPOINTS),
        'keypoints': points.ravel().tolist(),
        'source': instance.source,
    }


def categories() -> list[dict[str, Any]]:
    """The ``categories`` of every split: id 1 is zero, id 10 is nine."""
    return [
        {
            'id': digit + 1,
            'name': name,
            'supercategory': 'digit',
            'keypoints': list(KEYPOINTS),
            'skeleton': [[1, 2], [3, 4]],
        }
        for digit, name in enumerate(CLASSES)
    ]


class CocoTable:
    """Collects the scenes of one split into the dictionary that a COCO json file holds."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {
            'info': {'description': 'digit scenes of mmautoloss'},
            'images': [],
            'annotations': [],
            'categories': categories(),
        }

    def add(self, file_name: str, scene: Scene) -> None:
        """Adds a scene; ids of images and annotations count from 1."""
        images, annotations = self.content['images'], self.content['annotations']
        height, width = scene.image.shape[:2]
        image_id = len(images) + 1
        images.append({'id': image_id, 'file_name': file_name, 'height': height, 'width': width})
        for instance in scene.instances:
            ids = {'id': len(annotations) + 1, 'image_id': image_id}
            annotations.append({**ids, **annotate(instance)})
