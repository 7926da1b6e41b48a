"""The digit scenes as an mmpose data set, registered on import."""

from __future__ import annotations

from typing import Any

from mmpose.datasets.datasets.base import BaseCocoStyleDataset
from mmpose.registry import DATASETS

from mmautoloss.datasets.annotation import KEYPOINTS
from mmautoloss.datasets.digit_scenes import ensure_digit_scenes

MIRRORED = {'left': 'right', 'right': 'left'}


@DATASETS.register_module()
class DigitKeypoints(BaseCocoStyleDataset):
    """Top-down pose on digit scenes: a sample is one digit, its keypoints are its four extreme points.

    Without ``data_root`` the scenes are generated on first use in the user's cache, so that a config
    runs on any machine as it is. With it, nothing is generated and the folder is read like any COCO
    data set. ``ann_file='annotations/train.json', data_prefix=dict(img='train/')`` names a split.

    Args:
        data_root: Folder of an existing data set; None for the embedded one.
        scenes: Settings of the embedded one, see
            :func:`~mmautoloss.datasets.ensure_digit_scenes`.
        *args, **kwargs: Passed to ``BaseCocoStyleDataset``.
    """

    METAINFO = {
        'dataset_name': 'digit_keypoints',
        'keypoint_info': {
            index: {'name': name, 'id': index, 'type': '', 'swap': MIRRORED.get(name, '')}
            for index, name in enumerate(KEYPOINTS)
        },
        'skeleton_info': {0: {'link': ('top', 'bottom'), 'id': 0}, 1: {'link': ('left', 'right'), 'id': 1}},
        'joint_weights': [1.0] * len(KEYPOINTS),
        # for the object keypoint similarity; our choice, as there are no annotators to measure
        'sigmas': [0.05] * len(KEYPOINTS),
    }

    def __init__(
        self,
        *args: Any,
        data_root: str | None = None,
        scenes: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not data_root:
            data_root = str(ensure_digit_scenes(**(scenes or {})))
        super().__init__(*args, data_root=data_root, **kwargs)
