"""Data sets that are built once and shared by the data loaders of all trainings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.registry import DATASETS

from mmautoloss.errors import SetupError


def build_dataset(cfg: Mapping[str, Any], loader: str) -> Any:
    """Builds the data set of a loader, unless the config already holds a built one.

    Args:
        cfg: The config.
        loader: ``'train_dataloader'`` or ``'val_dataloader'``.

    Raises:
        SetupError: It is empty; MMEngine's InfiniteSampler would loop forever.
    """
    dataset = cfg[loader]['dataset']
    dataset = DATASETS.build(dataset) if isinstance(dataset, dict) else dataset
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    if not len(dataset):
        raise SetupError(
            f'The data set of {loader} ({type(dataset).__name__}) has no samples: look at its ann_file and data_prefix, at '
            'indices and filter_cfg, and at the names of the classes in its metainfo.'
        )
    return dataset


def with_dataset(loader: Mapping[str, Any], dataset: Any) -> dict[str, Any]:
    """Settings of a data loader with a built data set, which MMEngine's deep copies of the settings share."""
    dataset.__deepcopy__ = _NoCopy(dataset)
    return {**loader, 'dataset': dataset}


class _NoCopy:
    """A ``__deepcopy__`` that returns the object itself."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __call__(self, memo: dict[int, Any]) -> Any:
        return self.dataset
