"""Whether a search would be scored on the images on which its result is to be judged."""

from __future__ import annotations

import os.path as osp
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.data import data_sets
from mmautoloss.errors import SetupError


def require_apart(search: Config, base: Config) -> None:
    """Compares the data that score candidates with the test data of the base config, where it has none its validation data.

    Files are compared, and their ``indices``; whether other files hold the same images is not looked at.

    Raises:
        SetupError: A data set is in both.
    """
    judging = 'test_dataloader' if base.get('test_dataloader') else 'val_dataloader'
    for scoring in data_sets(search, ['val_dataloader']):
        for other in data_sets(base, [judging]):
            if _place(scoring) is not None and _place(scoring) == _place(other) and _overlap(scoring, other):
                raise SetupError(
                    f'The candidates of this search would be scored on {_place(scoring)[0]}, which the {judging} of '
                    'its base config reads as well: the result would have seen the images on which it is judged. Hold '
                    'out a part of the training set (mmautoloss split) and name it in val_dataloader, or, if this is '
                    'meant, set train_cfg.allow_leak=True.'
                )


def _place(dataset: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The annotation file, or the folders where there is none; None of data that are not read from files."""
    root = dataset.get('data_root') or ''
    if dataset.get('ann_file'):
        return (osp.normpath(osp.join(root, dataset['ann_file'])),)
    folders = _texts((dataset.get('data_prefix') or {}).values())
    return tuple(osp.normpath(osp.join(root, folder)) for folder in folders) if root or any(folders) else None


def _texts(values: Iterable[Any]) -> Iterator[str]:
    return (value for value in values if isinstance(value, str))


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two choices from one file certainly share images: the first n and the last m may not."""
    indices = [each.get('indices') for each in (one, other)]
    if None in indices:
        return True
    first, second = indices
    if isinstance(first, int) and isinstance(second, int):
        return (first > 0) == (second > 0)
    return first == second
