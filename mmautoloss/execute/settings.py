"""Where and with how much a search runs; none of it changes what is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from mmautoloss.checks import require_flag, require_number, require_whole
from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.local import LocalExecutor
from mmautoloss.execute.memory_size import parse_size
from mmautoloss.execute.serial import SerialExecutor
from mmautoloss.extension import add
from mmautoloss.proxy import ProxyEvaluator, ProxySettings

MAX_WORKERS = 10_000
"""More than any machine or cluster has use for."""


@dataclass(frozen=True)
class ExecuteSettings(Limits):
    """``execute`` of a search config.

    Attributes:
        workers: Candidates that are trained at the same time.
        threads: Threads of a process on the CPU; None shares the cores out.
        executor: ``'local'``, processes of this machine, ``'ray'``, actors of a Ray cluster, or one that was registered.
        options: Settings of a registered executor; whatever it reads.
        isolate: Whether also a single worker is a process of its own, so that a training that hangs or takes its process
            down leaves the search alive.
        gpus_per_candidate: GPUs (on the CPU: processes) that train a candidate together; with Ray also a fraction, such
            as 0.5 for two candidates a GPU.
        ray_address: The cluster, as ``ray.init`` takes it; None starts one on this machine.
        heartbeat: Seconds between two lines of the journal that tell what the workers do.
        cache: Memory in which the workers together keep samples that were loaded and resized, such as ``'2 GiB'`` or a
            number of bytes; 0 for none. Each process has an equal share. Where the samples of a training do not fit, or
            are more than half of what is free, none are kept.
        pictures: Validation images on which the predictions of the best trials are kept, for pictures of them; 0 for none.

    Raises:
        SetupError: A number is out of range, or settings do not go together.
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
        each = self.gpus_per_candidate
        if each <= 0 or (each > 1 and each != int(each)):
            raise SetupError(
                f'gpus_per_candidate must be a whole number, or with Ray a fraction of 1, but got {each}.'
            )
        if each < 1 and self.executor != 'ray':
            raise SetupError(
                f'gpus_per_candidate={each} needs executor="ray"; without it, more workers than GPUs share them.'
            )
        if each > 1 and self.executor == 'ray':
            raise SetupError(
                f'gpus_per_candidate={each} needs executor="local": with Ray a candidate trains on one GPU.'
            )

    @property
    def cache_share(self) -> int:
        """Bytes of samples that each process may keep."""
        return parse_size(self.cache) // self._processes

    @property
    def kept_by_workers(self) -> str:
        """A line on what samples the workers may keep, which each finds out for itself; '' where none are asked for."""
        if not self.cache_share:
            return ''
        return (
            f'samples: each process that trains, {self._processes} in all, keeps its own in memory where they fit into '
            f'{self.cache_share / 2**20:.1f} MiB (execute.cache) and half of the free memory'
        )

    @property
    def _processes(self) -> int:
        return self.workers * int(max(1, self.gpus_per_candidate))

    @property
    def in_driver(self) -> bool:
        """Whether candidates are trained in the process of the search."""
        return self.executor == 'local' and self.workers == 1 and not self.isolate and self.gpus_per_candidate == 1

    def build(self, proxy: ProxySettings, evaluator: ProxyEvaluator | None = None) -> Executor:
        """The executor.

        Args:
            proxy: How a candidate is measured.
            evaluator: One of this process that is there already, if any.

        Raises:
            SetupError: The machine or the cluster has less than was asked for.
        """
        if self.in_driver:
            return SerialExecutor(evaluator or ProxyEvaluator(proxy))
        return EXECUTORS[self.executor](proxy, self)


Build = Callable[[ProxySettings, ExecuteSettings], Executor]


def register_executor(name: str, build: Build) -> Build:
    """Makes an executor known: ``execute=dict(executor=name, ...)``.

    Args:
        name: Its name.
        build: ``build(proxy, settings)`` gives the executor, with ``settings.workers`` slots; ``proxy`` says how a candidate
            is measured (``ProxyEvaluator(proxy).evaluate(trial, limit)`` does it). A class with these two arguments will do.

    Raises:
        SetupError: It cannot be called, or the name is taken.
    """
    if not callable(build):
        raise SetupError(f'The executor {name!r} must be a function of (proxy, settings), but got {build!r}.')
    add('executor', EXECUTORS, name, build)
    return build


def _build_local(proxy: ProxySettings, settings: ExecuteSettings) -> Executor:
    return LocalExecutor(proxy, settings.workers, settings.threads, int(settings.gpus_per_candidate), settings)


def _build_ray(proxy: ProxySettings, settings: ExecuteSettings) -> Executor:
    from mmautoloss.execute.ray import RayExecutor

    each = settings.gpus_per_candidate
    return RayExecutor(proxy, settings.workers, settings.threads, settings.ray_address, each, settings)


EXECUTORS: dict[str, Build] = {'local': _build_local, 'ray': _build_ray}
"""How executors are built, by the name that configs use."""

_BUILT_IN = frozenset(EXECUTORS)


def build_executor(execute: ExecuteSettings, proxy: ProxySettings, evaluator: ProxyEvaluator) -> Executor:
    """The executor of a process that has an evaluator of its own; where others train, the model of that is freed.

    Args:
        execute: Where and with how much.
        proxy: How a candidate is measured.
        evaluator: That of this process.
    """
    if not execute.in_driver:
        evaluator.close()
        torch.set_num_threads(1)  # the driver only screens, on small tensors
    return execute.build(proxy, evaluator)
