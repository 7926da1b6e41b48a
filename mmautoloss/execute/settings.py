"""Executor and resources of a search; they do not affect its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.execute.devices import share_cores
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.local import LocalExecutor
from mmautoloss.execute.memory_size import parse_size
from mmautoloss.execute.serial import SerialExecutor
from mmautoloss.extension import add
from mmautoloss.proxy import Evaluator, ProxySettings, evaluator_of

MAX_WORKERS = 10_000
"""Upper bound of ``workers``, beyond any realistic cluster."""


@dataclass(frozen=True)
class ExecuteSettings(Limits):
    """``execute`` of a search config.

    Attributes:
        workers: Number of candidates that are trained at the same time.
        threads: CPU threads of a process; None distributes the cores evenly.
        executor: ``'local'`` (processes of this machine), ``'ray'`` (actors of a Ray cluster), or a registered one.
        options: Settings of a registered executor, in its own format.
        isolate: Whether also a single worker is a separate process, so that the search survives a training that hangs or
            crashes.
        gpus_per_candidate: GPUs (on the CPU: processes) that train a candidate together; or a fraction, such as 0.5 for
            two candidates a GPU.
        ray_address: Address of the cluster, as for ``ray.init``; None starts one on this machine.
        heartbeat: Seconds between two journal lines about the state of the workers.
        cache: Memory in which all workers together cache samples that were loaded and resized, such as ``'2 GiB'`` or a
            number of bytes; 0 for none. Each process has an equal share. If the samples of a training do not fit, or need
            more than half of the free memory, none are cached.
        pictures: Number of validation images on which predictions of the best trials are kept for display; 0 for none.

    Raises:
        SetupError: A number is out of range, or settings are incompatible.
    """

    workers: int = 1
    threads: int | None = None
    executor: str = 'local'
    options: Mapping[str, Any] | None = None
    isolate: bool = False
    gpus_per_candidate: float = 1
    ray_address: str | None = None
    heartbeat: float = 30.0
    cache: int | str = '1 GiB'
    pictures: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_types()
        if self.executor not in EXECUTORS:
            raise SetupError(f'execute.executor must be one of {", ".join(EXECUTORS)}, but got {self.executor!r}.')
        if self.options is not None and self.executor in _BUILT_IN:
            raise SetupError(f'execute.options is for executors of your own; {self.executor!r} has none.')
        if self.workers < 1 or (self.threads is not None and self.threads < 1) or self.heartbeat <= 0:
            raise SetupError(
                'execute.workers and execute.threads must be at least 1 and execute.heartbeat positive, '
                f'but got {self.workers}, {self.threads} and {self.heartbeat}.'
            )
        require_whole('execute.workers', self.workers, 1, MAX_WORKERS)
        require_whole('execute.pictures', self.pictures)
        parse_size(self.cache, 'execute.cache')
        if self.ray_address and self.executor != 'ray':
            raise SetupError(f"ray_address {self.ray_address!r} needs executor='ray' (--executor ray).")
        self._check_gpus()

    def _check_types(self) -> None:
        require_whole('execute.workers', self.workers, None)
        if self.threads is not None:
            require_whole('execute.threads', self.threads, None)
        require_number('execute.heartbeat', self.heartbeat, None)
        require_number('execute.gpus_per_candidate', self.gpus_per_candidate, None)
        require_flag('execute.isolate', self.isolate)

    def _check_gpus(self) -> None:
        gpus = self.gpus_per_candidate
        if gpus <= 0 or (gpus > 1 and gpus != int(gpus)):
            raise SetupError(f'gpus_per_candidate must be a whole number, or a fraction of 1, but got {gpus}.')
        if gpus > 1 and self.executor == 'ray':
            raise SetupError(
                f'gpus_per_candidate={gpus} needs executor="local": with Ray a candidate trains on one GPU.'
            )

    @property
    def cache_share(self) -> int:
        """Bytes of samples that each process may cache."""
        return parse_size(self.cache) // self._processes

    @property
    def ranks(self) -> int:
        """Number of processes that train a candidate together."""
        return int(max(1, self.gpus_per_candidate))

    @property
    def threads_each(self) -> int | None:
        """CPU threads of each process that trains; None for as many as torch takes, as the process of the search does."""
        return self.threads or (None if self.in_driver else share_cores(self._processes))

    @property
    def kept_by_workers(self) -> str:
        """A line about the samples that each worker may cache, as far as they fit; '' if the cache is off."""
        if not self.cache_share:
            return ''
        return (
            f'samples: each process that trains, {self._processes} in all, keeps its own in memory where they fit into '
            f'{self.cache_share / 2**20:.1f} MiB (execute.cache) and half of the free memory'
        )

    @property
    def _processes(self) -> int:
        return self.workers * self.ranks

    @property
    def in_driver(self) -> bool:
        """Whether candidates are trained in the process of the search."""
        return self.executor == 'local' and self.workers == 1 and not self.isolate and self.gpus_per_candidate <= 1

    def build(self, proxy: ProxySettings, evaluator: Evaluator | None = None) -> Executor:
        """Builds the executor.

        Args:
            proxy: How a candidate is evaluated.
            evaluator: An existing evaluator of this process, if any.

        Raises:
            SetupError: The machine or the cluster has too few resources.
        """
        if self.in_driver:
            return SerialExecutor(evaluator or evaluator_of(proxy), partial(_build_local, proxy, self))
        return EXECUTORS[self.executor](proxy, self)


Build = Callable[[ProxySettings, ExecuteSettings], Executor]


def register_executor(name: str, build: Build) -> Build:
    """Registers an executor for ``execute=dict(executor=name, ...)``.

    Args:
        name: Its name.
        build: ``build(proxy, settings)`` returns the executor, with ``settings.workers`` slots; ``proxy`` says how a
            candidate is evaluated (by ``evaluator_of(proxy).evaluate(trial, limit)``). May be a class with these two
            arguments.

    Raises:
        SetupError: ``build`` cannot be called, or the name is taken.
    """
    if not callable(build):
        raise SetupError(f'The executor {name!r} must be a function of (proxy, settings), but got {build!r}.')
    add('executor', EXECUTORS, name, build)
    return build


def _build_local(proxy: ProxySettings, settings: ExecuteSettings) -> Executor:
    return LocalExecutor(proxy, settings.workers, settings.threads, settings.gpus_per_candidate, settings)


def _build_ray(proxy: ProxySettings, settings: ExecuteSettings) -> Executor:
    from mmautoloss.execute.ray import RayExecutor

    gpus = settings.gpus_per_candidate
    return RayExecutor(proxy, settings.workers, settings.threads, settings.ray_address, gpus, settings)


EXECUTORS: dict[str, Build] = {'local': _build_local, 'ray': _build_ray}
"""Functions that build executors, by their name in configs."""

_BUILT_IN = frozenset(EXECUTORS)


def build_executor(execute: ExecuteSettings, proxy: ProxySettings, evaluator: Evaluator) -> Executor:
    """Builds the executor of a process that has an evaluator; frees the model of that if other processes train.

    Args:
        execute: Executor and resources.
        proxy: How a candidate is evaluated.
        evaluator: The evaluator of this process.
    """
    if not execute.in_driver:
        evaluator.close()
        torch.set_num_threads(1)  # the driver only screens, on small tensors
    return execute.build(proxy, evaluator)
