"""A search of the toy's two losses, as files for a subprocess or as a config."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmautoloss.trial import History, read_history

BASE: dict[str, Any] = {
    'custom_imports': {'imports': ['mmautoloss.testing.toy'], 'allow_failed_imports': False},
    'model': {
        'type': 'ToyDetector',
        'head': {
            'type': 'ToyHead',
            'loss_cls': {'type': 'ToyCrossEntropy', 'loss_weight': 1.0},
            'loss_box': {'type': 'ToyL1', 'loss_weight': 0.5},
        },
    },
    'train_dataloader': {
        'batch_size': 4,
        'num_workers': 0,
        'sampler': {'type': 'InfiniteSampler', 'shuffle': True},
        'collate_fn': {'type': 'default_collate'},
        'dataset': {'type': 'ToyScenes', 'length': 32, 'seed': 1},
    },
    'val_dataloader': {
        'batch_size': 8,
        'num_workers': 0,
        'sampler': {'type': 'DefaultSampler', 'shuffle': False},
        'collate_fn': {'type': 'default_collate'},
        'dataset': {'type': 'ToyScenes', 'length': 16, 'seed': 2},
    },
    'val_evaluator': {'type': 'ToyMetric'},
    'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 20, 'val_interval': 20},
    'val_cfg': {'type': 'ValLoop'},
    'optim_wrapper': {
        'type': 'OptimWrapper',
        'optimizer': {'type': 'SGD', 'lr': 0.1, 'momentum': 0.9},
    },
    'param_scheduler': [{'type': 'LinearLR', 'start_factor': 0.5, 'by_epoch': False, 'begin': 0, 'end': 5}],
    'default_hooks': {'checkpoint': None, 'logger': None},
    'visualizer': {'type': 'Visualizer', 'vis_backends': []},  # it would draw the progress of each search
    'log_level': 'ERROR',
}
"""A plain config, as a user has one before a search."""

SEARCH: dict[str, Any] = {
    'type': 'mmautoloss.SearchLoop',
    'metric': 'toy/score',
    'rule': 'greater',
    'branches': {
        'cls': {'path': 'head.loss_cls', 'inputs': 'softmax'},
        'box': {'path': 'head.loss_box', 'inputs': 'delta'},
    },
    'proxy': {'schedule': {'type': 'IterBasedTrainLoop', 'max_iters': 8}},
    'seeds': [{'cls': 'ce', 'box': 'l1'}],
    # random box losses rarely pass the screen: children of the seed do so sooner
    'strategy': {'type': 'RegularizedEvolution', 'initial': 1, 'fresh_rate': 0.0, 'vary': 'one'},
    'screen': {'samples': 2, 'steps': 16, 'lr': 0.5, 'eta': 0.3},
    'budget': {
        'max_trials': 4,
        'baseline_repeats': 1,
        'finalists': 2,
        'finalist_repeats': 1,
        'confirm_seeds': 0,  # few trials; tests that are about the verdict have fresh seeds
    },
    'execute': {'workers': 1, 'threads': 1},
    'describe': {'task': 'toy', 'set': 'vectors', 'network': 'mlp'},
    'report': False,  # it is not read, and takes longer than the search
    'seed': 0,
}
"""``train_cfg`` of the search, less ``base_config``."""


def write_toy(folder: Path, changes: Mapping[str, Any] | None = None, base: Mapping[str, Any] | None = None) -> Path:
    """Writes ``toy.py``, the plain config, and ``toy_search.py``; returns the latter.

    Args:
        folder: Where; made if absent.
        changes: Settings of the search by dotted name, such as ``{'budget.max_trials': 8}``.
        base: Settings of the plain config by dotted name, such as ``{'model.faults.fail_at': 3}``.
    """
    return write_searches(folder, changed(BASE, base or {}), SEARCH, changes or {})


def write_toy_tasks(
    folder: Path, changes: Mapping[str, Any] | None = None, other: Mapping[str, Any] | None = None
) -> Path:
    """Writes a search of two tasks, ``near`` and ``far``, which minimises an error; returns its config.

    Each has its plain config and its search config: ``near/`` and ``far/``, which has other data, a larger batch and another
    weight of the box loss.

    Args:
        folder: Where; made if absent.
        changes: Settings of the search by dotted name.
        other: Settings of the plain config of ``far`` by dotted name.
    """
    write_toy(folder / 'near')
    far = {
        'train_dataloader.dataset.seed': 3,
        'val_dataloader.dataset.seed': 4,
        'train_dataloader.batch_size': 8,
        'model.head.loss_box.loss_weight': 0.25,
    }
    write_toy(folder / 'far', {'metric': 'toy/error', 'rule': 'less'}, {**far, **(other or {})})
    tasks = {name: str(folder / name / 'toy_search.py') for name in ('near', 'far')}
    search = changed({'tasks': tasks, 'budget': {'baseline_repeats': 2}}, changes or {})
    path = folder / 'tasks_search.py'
    path.write_text(f"_base_ = './near/toy_search.py'\ntrain_cfg = {search!r}\n")
    return path


def write_searches(
    folder: Path, plain: Mapping[str, Any], search: Mapping[str, Any], changes: Mapping[str, Any]
) -> Path:
    """Writes ``toy.py``, a plain config, and ``toy_search.py``, a search on it; returns the latter.

    Args:
        folder: Where; made if absent.
        plain: The plain config.
        search: ``train_cfg`` of the search, less ``base_config``.
        changes: Settings of the search by dotted name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(plain, folder / 'toy.py')
    loop = changed({**search, 'base_config': str(folder / 'toy.py')}, changes)
    _write({**plain, 'train_cfg': loop}, folder / 'toy_search.py')
    return folder / 'toy_search.py'


def toy_config(
    folder: Path, changes: Mapping[str, Any] | None = None, base: Mapping[str, Any] | None = None
) -> Config:
    """The search config of ``write_toy``, with ``work_dir`` in the same folder."""
    return read_toy(write_toy(folder, changes, base), folder / 'work')


def tasks_config(
    folder: Path, changes: Mapping[str, Any] | None = None, other: Mapping[str, Any] | None = None
) -> Config:
    """The search config of ``write_toy_tasks``, with ``work_dir`` in the same folder."""
    return read_toy(write_toy_tasks(folder, changes, other), folder / 'work')


def read_toy(path: Path, work_dir: Path) -> Config:
    """A search config, to be run in a work dir; the layout of MMEngine's copies of it would take as long as the trials."""
    read = Config.fromfile(path)  # which would forget format_python_code
    cfg = Config(read._cfg_dict, read.text, path, format_python_code=False)
    cfg.work_dir = str(work_dir)
    return cfg


def changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of settings with some replaced, by dotted name."""
    copied = copy.deepcopy(dict(settings))
    for name, value in changes.items():
        *parents, key = name.split('.')
        node = copied
        for parent in parents:
            node = node.setdefault(parent, {})
        node[key] = value
    return copied


def _write(settings: Mapping[str, Any], path: Path) -> None:
    path.write_text('\n'.join(f'{key} = {value!r}' for key, value in settings.items()) + '\n')


def run_toy(cfg: Config) -> History:
    """Runs a search in this process and reads its journal; torch's number of threads stays."""
    threads = torch.get_num_threads()
    try:
        Runner.from_cfg(cfg).train()
    finally:
        torch.set_num_threads(threads)
    return read_history(Path(cfg.work_dir) / 'journal.jsonl')[1]
