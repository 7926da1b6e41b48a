"""The files that the settings of a data set name."""

from __future__ import annotations

import os.path as osp
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmautoloss.proxy import type_name

_IMAGES = ('img_path', 'img')
"""Keys of ``data_prefix`` for the folder of the images, in mmseg and in the other libraries."""


class ImageFiles(NamedTuple):
    """Files of one data set, as it spells them.

    Attributes:
        annotations: The annotation file; '' if folders are read.
        images: The folder of the images, or all folders if it is unknown which; () if none is named.
    """

    annotations: str
    images: tuple[str, ...]

    @classmethod
    def of(cls, dataset: Mapping[str, Any]) -> ImageFiles:
        """The files in the settings of a data set."""
        root, file = dataset.get('data_root') or '', dataset.get('ann_file') or ''
        folders = _folders(dataset.get('data_prefix') or {})
        named = bool(root or any(folders))
        return cls(_join(root, file) if file else '', tuple(_join(root, folder) for folder in folders if named))

    def __str__(self) -> str:
        return self.annotations or ', '.join(self.images)


def share_images(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two data sets may share images, however their files are spelled.

    Two annotation files of one folder are assumed to have different images; a data set without one reads the whole
    folder. The contents of files are not compared. Data sets that have only a ``data_root`` share images if all settings
    but the pipeline and ``indices`` are equal.
    """
    first, second = ImageFiles.of(one), ImageFiles.of(other)
    if not (first.annotations or second.annotations or first.images or second.images):
        return bool(one.get('data_root')) and _source(one) == _source(other) and _overlap(one, other)
    if first.annotations and second.annotations:
        return real_path(first.annotations) == real_path(second.annotations) and _overlap(one, other)
    same = first.images != () and {*map(real_path, first.images)} == {*map(real_path, second.images)}
    alike = first.annotations == second.annotations  # else indices refer to different lists
    return same and (not alike or _overlap(one, other))


def root_of(dataset: Mapping[str, Any]) -> str:
    """The root of a data set, or the folder of its files; its type if it makes its data itself."""
    if dataset.get('data_root'):
        return real_path(dataset['data_root'])
    place = ImageFiles.of(dataset)
    folder = osp.dirname(place.annotations or next(iter(place.images), ''))
    return real_path(folder) if osp.isdir(folder) else type_name(dataset.get('type'))


def _source(dataset: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in dataset.items() if key not in ('pipeline', 'indices')}
    return {**kept, 'data_root': real_path(dataset['data_root'])} if dataset.get('data_root') else kept


def _folders(prefix: str | Mapping[str, Any]) -> list[str]:
    if isinstance(prefix, str):
        return [prefix]
    texts = {key: value for key, value in prefix.items() if isinstance(value, str)}
    images = [texts[key] for key in _IMAGES if key in texts]
    return images[:1] or list(texts.values())


def _join(root: str, path: str) -> str:
    return osp.normpath(osp.join(root, path))


def real_path(path: str) -> str:
    """A path without symbolic links; a URL as it is."""
    return path if '://' in path else osp.realpath(path)


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two choices from one file may share images; the first n and the last m are assumed to be disjoint."""
    if not _choose_alike(one, other):
        return True
    key = 'indices' if one.get('identities') is None else 'identities'
    choices = [dataset.get(key) for dataset in (one, other)]
    first, second = map(_positions, choices)
    if first is None or second is None or first & second:
        return True
    if all(isinstance(choice, int) for choice in choices) or not (first and second):
        return False
    return min(first | second) < 0 <= max(first | second)  # the config does not say how many images there are


def _choose_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both choose identities, or both images."""
    return (one.get('identities') is None) == (other.get('identities') is None)


def _positions(indices: Any) -> set[int] | None:
    """Positions that ``indices`` chooses, negative from the end; None if they are unknown."""
    if isinstance(indices, int):
        return set(range(min(indices, 0), max(indices, 0)))
    known = isinstance(indices, Sequence) and all(isinstance(index, int) for index in indices)
    return set(indices) if known else None
