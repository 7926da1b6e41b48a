"""The images of a training in a few characters, so that trainings on others can be told apart."""

from __future__ import annotations

import copy
import hashlib
import io
import os.path as osp
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

from mmengine.registry import DefaultScope

from mmautoloss.errors import in_setup
from mmautoloss.proxy import build_dataset


def images_of(config: Mapping[str, Any]) -> str:
    """Number and digest of the names of the images on which a config trains, such as ``388:5f3a91c2``.

    Names are paths below the ``data_root`` of their data set, so data that have moved have the same digest. The number alone
    stands for data sets that make their images themselves.

    Raises:
        SetupError: The data set cannot be built.
    """
    dataset = _built(config)
    images: set[tuple[str, str]] = set()
    unnamed = 0
    for part in _parts(dataset):
        paths = _paths(part)
        images.update((_root(part), path) for path in paths)
        unnamed += 0 if paths else len(part)
    digest = hashlib.sha256('\n'.join(sorted(_below(*image) for image in images)).encode()).hexdigest()[:8]
    return f'{len(images) + unnamed}:{digest}' if images else str(unnamed)


def _built(config: Mapping[str, Any]) -> Any:
    dataset = config['train_dataloader']['dataset']
    own = copy.deepcopy(dataset) if isinstance(dataset, Mapping) else dataset  # building takes keys out
    with DefaultScope.overwrite_default_scope(config.get('default_scope')), redirect_stdout(io.StringIO()):
        return in_setup(lambda: build_dataset({'train_dataloader': {'dataset': own}}, 'train_dataloader'))


def _parts(dataset: Any) -> Iterator[Any]:
    """The data sets within wrappers such as ``ConcatDataset``."""
    inner = getattr(dataset, 'datasets', None) or getattr(dataset, 'dataset', None)
    if inner is None:
        yield dataset
        return
    for part in inner if isinstance(inner, (list, tuple)) else [inner]:
        yield from _parts(part)


def _paths(dataset: Any) -> list[str]:
    if not hasattr(dataset, 'get_data_info'):
        return []
    found = (dataset.get_data_info(index).get('img_path') for index in range(len(dataset)))
    return [str(path) for path in found if path]


def _root(dataset: Any) -> str:
    return str(getattr(dataset, 'data_root', None) or '')


def _below(root: str, path: str) -> str:
    inside = root and osp.normpath(path).startswith(osp.normpath(root) + osp.sep)
    return osp.relpath(path, root) if inside else osp.basename(path)
