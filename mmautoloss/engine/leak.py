"""Whether a search would be scored on the images on which its result is to be judged."""

from __future__ import annotations

import os.path as osp
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    shared = _shared(search, ['val_dataloader'], base, judging)
    if shared:
        raise SetupError(
            f'The candidates of this search would be scored on {shared}, which the {judging} of '
            'its base config reads as well: the result would have seen the images on which it is judged. Hold '
            'out a part of the training set (mmautoloss split) and name it in val_dataloader, or, if this is '
            'meant, set train_cfg.allow_leak=True.'
        )


def require_unseen(search: Config, other: Config) -> None:
    """Compares all data of a search with the validation data of another config, on which its result is to be judged.

    Raises:
        SetupError: A data set is in both.
    """
    shared = _shared(search, ['train_dataloader', 'val_dataloader'], other, 'val_dataloader')
    if shared:
        raise SetupError(
            f'The search has trained or scored its candidates on {shared}, which val_dataloader of the other config '
            'reads as well, so its losses would be judged on images that they have seen. Give the config other '
            'validation data.'
        )


def _shared(search: Config, loaders: Sequence[str], base: Config, judging: str) -> str | None:
    """Where images lie that both read; None where there are none."""
    for seen in data_sets(search, loaders):
        for other in data_sets(base, [judging]):
            if _same_place(seen, other) and _overlap(seen, other):
                return _place(seen)[0]
    return None


def _same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two data sets read the same files, however these are spelled."""
    first, second = (tuple(map(osp.realpath, _place(each) or ())) for each in (one, other))
    return first == second != ()


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
    """Whether two choices from one file may share images; the first n and the last m are taken to be apart."""
    given = [each.get('indices') for each in (one, other)]
    first, second = map(_positions, given)
    if first is None or second is None or first & second:
        return True
    if all(isinstance(each, int) for each in given) or not (first and second):
        return False
    return min(first | second) < 0 <= max(first | second)  # where the end is, the config does not say


def _positions(indices: Any) -> set[int] | None:
    """Positions that ``indices`` chooses, those from the end below 0; None where they are not known."""
    if isinstance(indices, int):
        return set(range(min(indices, 0), max(indices, 0)))
    known = isinstance(indices, Sequence) and all(isinstance(index, int) for index in indices)
    return set(indices) if known else None
