"""The digit scenes as an mmseg data set, registered on import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmautoloss.datasets.annotation import CLASSES, PALETTE
from mmautoloss.datasets.digit_scenes import ensure_digit_scenes

FOREGROUND = ('background', 'digit')
"""The classes if all digits are one."""


@DATASETS.register_module()
class DigitMaps(BaseSegDataset):
    """A :class:`~mmseg.datasets.BaseSegDataset` that generates its own images and label maps.

    Eleven classes: 0 is the background, digit + 1 is a digit; no pixel is ignored. With
    ``metainfo=dict(classes=('background', 'digit'), palette=...)`` all digits are one class, which a small network
    learns within seconds. Without ``data_root`` the scenes are generated on first use in the user's cache, so that a
    config runs on any machine as it is. With it, nothing is generated.
    ``data_prefix=dict(img_path='train', seg_map_path='labels/train')`` names a split.

    Args:
        data_root: Folder of existing digit scenes; None for the embedded ones.
        scenes: Settings of the embedded ones, see :func:`~mmautoloss.datasets.ensure_digit_scenes`.
        img_suffix: Suffix of the names of the images.
        **kwargs: Passed to ``BaseSegDataset``.
    """

    METAINFO = {'classes': ('background', *CLASSES), 'palette': [(0, 0, 0), *PALETTE]}

    def __init__(
        self,
        *,
        data_root: str | None = None,
        scenes: dict[str, Any] | None = None,
        img_suffix: str = '.png',
        **kwargs: Any,
    ) -> None:
        if not data_root:
            data_root = str(ensure_digit_scenes(**(scenes or {})))
        super().__init__(data_root=data_root, img_suffix=img_suffix, **kwargs)

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int] | None:
        """New label of each label on disk, or None if they stay; as in mmseg, a class that is not named is ignored."""
        if new_classes is not None and tuple(new_classes) == FOREGROUND:
            return {0: 0, **{digit + 1: 1 for digit in range(len(CLASSES))}}
        return super().get_label_map(new_classes)
