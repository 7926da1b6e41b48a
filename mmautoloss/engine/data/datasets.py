"""Data sets of a config: changing their root, and checking their files."""

from __future__ import annotations

import os.path as osp
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from mmautoloss.errors import SetupError
from mmautoloss.proxy import type_name


def apply_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merges ``--cfg-options``; a new top-level ``data_root`` also replaces the old one wherever it is written out.

    Raises:
        SetupError: The config has no ``data_root`` to replace.
    """
    old = cfg.get('data_root')
    try:
        cfg.merge_from_dict(dict(options))
    except (TypeError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise SetupError(
            f'--cfg-options {" ".join(options)}: no such place in the config ({error}); entries of a list are '
            'numbered, as in param_scheduler.0.type=LinearLR.'
        ) from None
    if 'data_root' not in options:
        return
    if 'data_root' not in cfg or not any('data_root' in dataset for dataset in data_sets(cfg)):
        raise SetupError('data_root was given, but no data set of this config has a data_root.')
    _replace_root(cfg._cfg_dict, old, options['data_root'])


def check_files(cfg: Config) -> None:
    """Checks that the roots and annotation files of all data sets exist.

    Raises:
        SetupError: A file is missing.
    """
    for loader, dataset in _named_data_sets(cfg):
        ann_file, root = dataset.get('ann_file'), dataset.get('data_root')
        if root is None and not osp.isabs(ann_file or ''):
            continue  # the data set makes its data itself
        path = osp.join(root or '', ann_file or '')
        if '://' not in path and not osp.exists(path):
            raise SetupError(
                f'{loader} reads {path}, which does not exist. Put the data there, or name their place with '
                '--cfg-options data_root=/path/to/data.'
            )


def require_right_labels(cfg: Mapping[str, Any]) -> None:
    """Checks that labels are made wrong (``datasets.noisy_labels``) for the training alone.

    Raises:
        SetupError: A data set that scores has such labels.
    """
    for loader in ('val_dataloader', 'test_dataloader'):
        pending = [(cfg.get(loader) or {}).get('dataset')]
        while pending:
            dataset = pending.pop()
            if isinstance(dataset, (list, tuple)):
                pending.extend(dataset)
            elif isinstance(dataset, Mapping):
                if type_name(dataset.get('type')) == 'NoisyLabels':
                    raise SetupError(
                        f'{loader} has NoisyLabels, so that losses would be judged by wrong labels: take it out there, it '
                        'is for train_dataloader.'
                    )
                pending.extend(dataset.get(key) for key in ('dataset', 'datasets'))


LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def data_sets(cfg: Mapping[str, Any], loaders: Iterable[str] = LOADERS) -> list[Mapping[str, Any]]:
    """Settings of the data sets of the loaders, also of those within wrappers such as ``RepeatDataset``.

    Raises:
        SetupError: The settings of a data set are a text.
    """
    return [dataset for _, dataset in _named_data_sets(cfg, loaders)]


def _named_data_sets(
    cfg: Mapping[str, Any], loaders: Iterable[str] = LOADERS
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for loader in loaders:
        dataset = (cfg.get(loader) or {}).get('dataset')
        pending = [dataset] if dataset else []
        while pending:
            dataset = pending.pop()
            if isinstance(dataset, str):
                raise SetupError(f'The dataset of {loader} must be a dict with its type, but got {dataset!r}.')
            if not isinstance(dataset, Mapping):
                continue  # an object, whose files are unknown
            inner = dataset.get('dataset') or dataset.get('datasets')
            pending.extend([] if inner is None else inner[::-1] if isinstance(inner, list) else [inner])
            if inner is None:
                yield loader, dataset


def _replace_root(node: Any, old: str | None, new: str) -> None:
    """Replaces the old root where it is the value of a ``data_root`` or the beginning of a path."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        if key == 'data_root' and value == old:
            node[key] = new
        elif isinstance(value, str) and old and value.startswith(old.rstrip('/') + '/'):
            node[key] = osp.join(new, value[len(old.rstrip('/')) :].lstrip('/'))
        elif isinstance(value, (dict, list)):
            _replace_root(value, old, new)
