"""The images of a training in a few characters, so that trainings on others can be told apart."""

from __future__ import annotations

import copy
import hashlib
import io
import os.path as osp
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

from mmengine.registry import DefaultScope

from mmautoloss.errors import in_setup
from mmautoloss.proxy import build_dataset


def images_of(config: Mapping[str, Any]) -> str:
    """Number and digest of the names of the images on which a config trains, such as ``388:5f3a91c2``.

    Names are paths below the ``data_root`` of their data set, so data that have moved have the same digest; whole paths
    elsewhere, since folders often have equal names in them. The number alone stands for data sets that make their images
    themselves.

    Raises:
        SetupError: The data set cannot be built.
    """
    samples = _samples(_built(config))
    images = {sample for sample in samples if sample}
    digest = hashlib.sha256('\n'.join(sorted(_below(*image) for image in images)).encode()).hexdigest()[:8]
    return f'{len(images) + samples.count(None)}:{digest}' if images else str(samples.count(None))


def _built(config: Mapping[str, Any]) -> Any:
    dataset = config['train_dataloader']['dataset']
    own = copy.deepcopy(dataset) if isinstance(dataset, Mapping) else dataset  # building takes keys out
    with DefaultScope.overwrite_default_scope(config.get('default_scope')), redirect_stdout(io.StringIO()):
        return in_setup(lambda: build_dataset({'train_dataloader': {'dataset': own}}, 'train_dataloader'))


def _samples(dataset: Any) -> list[tuple[str, str] | None]:
    """Root and path of each sample, None where it has no file; of wrappers such as ``ConcatDataset`` what is in them."""
    if isinstance(getattr(dataset, 'datasets', None), (list, tuple)):
        return [sample for part in dataset.datasets for sample in _samples(part)]
    inner = getattr(dataset, 'dataset', None)
    if hasattr(inner, '__getitem__') and not isinstance(inner, str):
        samples, chosen = _samples(inner), getattr(dataset, 'indices', None)
        return samples if chosen is None else [samples[index] for index in chosen]
    if not hasattr(dataset, 'get_data_info'):
        return [None] * len(dataset)
    root = str(getattr(dataset, 'data_root', None) or '')
    paths = (dataset.get_data_info(index).get('img_path') for index in range(len(dataset)))
    return [(root, str(path)) if path else None for path in paths]


def _below(root: str, path: str) -> str:
    below = osp.relpath(path, root) if root else osp.pardir
    return path if below.split(osp.sep)[0] == osp.pardir else below
