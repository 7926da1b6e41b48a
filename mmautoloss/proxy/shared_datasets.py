"""Data sets that are built once, and stay the same objects in the settings of their loaders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.registry import DATASETS

from mmautoloss.errors import SetupError


def build_dataset(cfg: Mapping[str, Any], loader: str) -> Any:
    """The data set of a loader, which may be there already.

    Args:
        cfg: The config.
        loader: ``'train_dataloader'`` or ``'val_dataloader'``.

    Raises:
        SetupError: It is empty; MMEngine's InfiniteSampler would look for a first sample for ever.
    """
    given = cfg[loader]['dataset']
    dataset = DATASETS.build(given) if isinstance(given, dict) else given
    if hasattr(dataset, 'full_init'):
        dataset.full_init()
    if not len(dataset):
        raise SetupError(
            f'The data set of {loader} ({type(dataset).__name__}) has no samples: look at its ann_file and data_prefix, at '
            'indices and filter_cfg, and at the names of the classes in its metainfo.'
        )
    return dataset


def with_dataset(loader: Mapping[str, Any], dataset: Any) -> dict[str, Any]:
    """The settings of a data loader with a data set that is there; MMEngine copies them deeply, but not the data."""
    dataset.__deepcopy__ = _NoCopy(dataset)
    return {**loader, 'dataset': dataset}


class _NoCopy:
    """A ``__deepcopy__`` that gives the thing itself."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __call__(self, memo: dict[int, Any]) -> Any:
        return self.thing
