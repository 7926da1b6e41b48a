"""Searches of several tasks: a candidate is trained as each of several search configs says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.config.read import is_search, read_config
from mmautoloss.engine.config.spec import SearchSpec, find_beside, read_spec, require_lengthened
from mmautoloss.engine.data.datasets import apply_options
from mmautoloss.errors import SetupError, in_task
from mmautoloss.proxy import hooks_of
from mmautoloss.trial import LABELS

_OF_TASK = ('base_config', 'branches', 'metric', 'proxy', 'rule', 'aux', 'allow_leak')
"""Settings that a task has of its own; those of the search itself hold for all."""

_SHARED = ('screen', 'execute', 'options')
"""Settings of the search with which a task is read."""

_IN_HEADER = ('metric', 'rule', 'aux', 'proxy', 'branches', 'config', 'begin')

_UNDIGESTED = ('custom_hooks', 'data_preprocessor', 'val_cfg')
"""Sections of a config that change a training or its score, and of which a header has no digest."""


def read_search(cfg: Config, work_dir: Path, settings: Mapping[str, Any]) -> SearchSpec:
    """Reads the settings of a ``SearchLoop``, of one task or of several; ``cfg`` is the whole search config.

    Raises:
        SetupError: A setting is missing, unknown or cannot work; or the tasks do not fit together.
    """
    spec = read_spec(cfg, work_dir, settings)
    tasks = settings.get('tasks') or {}
    if not tasks:
        return spec
    files = _find_tasks(tasks, cfg)
    specs = {name: _read_task(name, path, work_dir, settings) for name, path in files.items()}
    _require_plain(specs, funnel=spec.search.budget.funnel is not None)
    _require_same_branches(specs)
    _require_first(spec, *next(iter(specs.items())))
    return _joined(spec, specs, files, settings.get('aggregate', 'gain'))


def require_one_task(spec: SearchSpec, command: str) -> None:
    """Refuses a search of several tasks for a command that works on one.

    Raises:
        SetupError: There are several.
    """
    if spec.tasks:
        first = next(iter(spec.tasks))
        raise SetupError(
            f'{command} works on one task, but this search has {", ".join(spec.tasks)}. Take the losses of a task, such as '
            f'{spec.work_dir}/best_losses_{first}.json, with `python -m mmautoloss evaluate` or `apply`.'
        )


def _find_tasks(tasks: Mapping[str, Any], cfg: Config) -> dict[str, str]:
    """The file of each task."""
    wrong = [name for name, path in tasks.items() if not _is_name(name) or not isinstance(path, str)]
    if wrong or len(tasks) < 2:
        raise SetupError(
            "tasks must name two search configs or more, such as dict(cnn='cnn_search.py', mlp='mlp_search.py'), with names "
            f'of letters, digits, - and _, but got {dict(tasks)}.'
        )
    files = {name: find_beside(path, cfg) for name, path in tasks.items()}
    places = [Path(path).resolve() for path in files.values()]
    if len(set(places)) < len(places):
        raise SetupError(f'Each task needs a search config of its own, but tasks names one twice: {dict(tasks)}.')
    return files


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name.replace('-', '_').replace('_', 'x').isalnum() and name.isascii()


def _read_task(name: str, path: str, work_dir: Path, settings: Mapping[str, Any]) -> SearchSpec:
    with in_task(name):
        cfg = read_config(path)
        if not is_search(cfg) or cfg.train_cfg.get('tasks'):
            raise SetupError(f'{path} must be a search config of one task.')
        options = settings.get('options') or {}
        apply_options(cfg, {key: value for key, value in options.items() if _is_of_task(key)})
        own = {key: cfg.train_cfg[key] for key in _OF_TASK if key in cfg.train_cfg}
        return read_spec(cfg, work_dir, {**own, **{key: settings[key] for key in _SHARED if key in settings}})


def _is_of_task(option: str) -> bool:
    section, _, key = option.partition('.')
    return section != 'train_cfg' or key.partition('.')[0] in _OF_TASK


def _require_plain(specs: Mapping[str, SearchSpec], funnel: bool) -> None:
    for name, spec in specs.items():
        begin = "begin='trunk'" if spec.proxy.trunk else "begin='best'" if spec.proxy.leg else ''
        used = 'rung' if spec.search.rung else begin
        if used:
            raise SetupError(
                f'proxy.{used} is for searches of one task, but task {name} has it: leave it out of its config.'
            )
        if funnel:
            with in_task(name):
                require_lengthened(spec.proxy.schedule)


def _require_same_branches(specs: Mapping[str, SearchSpec]) -> None:
    kinds = {name: {branch.name: branch.inputs for branch in spec.branches} for name, spec in specs.items()}
    first = next(iter(kinds))
    for name, branches in kinds.items():
        if branches != kinds[first]:
            raise SetupError(
                'Tasks need branches of the same names and kinds of input, so that one expression serves all, but task '
                f'{first} has {_listed(kinds[first])} and task {name} has {_listed(branches)}: name them alike in branches.'
            )


def _listed(kinds: Mapping[str, str]) -> str:
    return ', '.join(f'{name} ({kind})' for name, kind in kinds.items())


def _require_first(spec: SearchSpec, name: str, first: SearchSpec) -> None:
    """Requires that the config itself describes its first task, so that nothing in it is without effect."""
    differing = [key for key in _IN_HEADER if spec.header.get(key) != first.header.get(key)]
    if 'config' in differing:
        own, other = spec.header['config'], first.header['config']
        differing[differing.index('config') :] = [key for key in own if own[key] != other[key]]
    own, other = spec.proxy.config, first.proxy.config
    differing += [key for key in _UNDIGESTED if own.get(key) != other.get(key)]
    differing += ['default_hooks'] if hooks_of(own).kept != hooks_of(other).kept else []
    if _base_of(spec) != _base_of(first):
        differing.append('base_config')
    if differing:
        raise SetupError(
            'In a search of several tasks these alone say what is trained, so the config must inherit from the first, '
            f'{name}, without a change of {", ".join(differing)}: change that in the config of the task.'
        )


def _base_of(spec: SearchSpec) -> Path:
    return Path(spec.proxy.config['train_cfg']['base_config']).resolve()


def _joined(spec: SearchSpec, specs: Mapping[str, SearchSpec], files: Mapping[str, str], aggregate: str) -> SearchSpec:
    label, cache = LABELS[aggregate], spec.proxy.cache // len(specs)
    config = {**spec.proxy.config, 'train_cfg': {**spec.proxy.config['train_cfg'], 'tasks': dict(files)}}
    parts = tuple(replace(task.proxy, task=name, cache=cache) for name, task in specs.items())
    tasks = {name: {key: task.header[key] for key in _IN_HEADER if key in task.header} for name, task in specs.items()}
    header = {**spec.header, 'metric': label, 'rule': 'greater', 'aggregate': aggregate, 'tasks': tasks}
    return replace(
        spec,
        proxy=replace(spec.proxy, config=config, metric=label, greater=True, tasks=parts),
        search=replace(spec.search, aggregate=aggregate),
        header=header,
        tasks=dict(specs),
    )
