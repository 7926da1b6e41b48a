"""The digit scenes as an mmdet data set, registered on import."""

from __future__ import annotations

from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS

from mmautoloss.datasets.annotation import CLASSES, PALETTE
from mmautoloss.datasets.digit_scenes import ensure_digit_scenes


@DATASETS.register_module()
class DigitScenes(CocoDataset):
    """A :class:`~mmdet.datasets.CocoDataset` that generates its own images.

    Without ``data_root`` the scenes are generated on first use in the user's cache, so that a config
    runs on any machine as it is. With it, nothing is generated and the folder is read like any COCO
    data set. ``ann_file='annotations/train.json', data_prefix=dict(img='train/')`` names a split.

    Args:
        data_root: Folder of an existing data set; None for the embedded one.
        scenes: Settings of the embedded one, see
            :func:`~mmautoloss.datasets.ensure_digit_scenes`.
        *args, **kwargs: Passed to ``CocoDataset``.
    """

    METAINFO = {'classes': CLASSES, 'palette': PALETTE}

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
