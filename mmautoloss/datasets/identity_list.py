"""Lists of images with identities, of which a part can be chosen; configs name this module in ``custom_imports``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.datasets import ReIDDataset

from mmautoloss.checks import require_whole
from mmautoloss.errors import SetupError
from mmautoloss.proxy.triplet_draws import require_triplets
from mmautoloss.registry import DATASETS, register


@register(DATASETS, everywhere=True)
class IdentityList(ReIDDataset):
    """mmdet's ``ReIDDataset``, whose identities may have any numbers and of which some can be chosen.

    The identities that stay are numbered from 0 on, in order of their numbers in the file: mmdet's sampler of triplets takes
    them for positions, and a classifier of identities for classes.

    Args:
        identities: Those that stay, counted from 0 in order of their numbers in the file; None for all.
        kwargs: As of ``ReIDDataset``. ``indices`` choose images; they cannot be used with ``triplet_sampler``.

    Raises:
        SetupError: There is no such identity, or no triplets can be drawn (``require_triplets``).
    """

    def __init__(self, identities: Sequence[int] | None = None, **kwargs: Any) -> None:
        self.identities = identities
        super().__init__(**kwargs)
        require_triplets(self)

    def load_data_list(self) -> list[dict[str, Any]]:
        """The images of the chosen identities."""
        images = super().load_data_list()
        known = sorted({int(image['gt_label']) for image in images})
        places = {known[_position(index, len(known))]: None for index in self._chosen(len(known))}
        numbers = {label: number for number, label in enumerate(sorted(places))}
        kept = [
            {**image, 'gt_label': np.array(numbers[int(image['gt_label'])], dtype=np.int64)}
            for image in images
            if int(image['gt_label']) in numbers
        ]
        self._parse_ann_info(kept)
        return kept

    def _chosen(self, count: int) -> Sequence[int]:
        return range(count) if self.identities is None else self.identities


def _position(index: int, count: int) -> int:
    require_whole('IdentityList.identities', index, least=0)
    if index >= count:
        raise SetupError(f'IdentityList has {count} identities, counted from 0, but identities names {index}.')
    return index
