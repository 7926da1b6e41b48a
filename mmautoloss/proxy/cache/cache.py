"""Decides which samples of training and validation are cached, such that they fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

import torch.multiprocessing as multiprocessing

from mmautoloss.proxy.cache.samples import KeptSamples, can_be_kept
from mmautoloss.proxy.cache.steps import split
from mmautoloss.proxy.cache.store import SampleStore
from mmautoloss.proxy.memory import available_memory

_SIZED = 8
"""Number of samples from which the size of all is estimated."""


@dataclass(frozen=True)
class KeptData:
    """A data set whose samples may be cached.

    Attributes:
        dataset: The data set, or a wrapper of others.
        reads: Largest number of samples that a training reads.
        workers: Number of processes of its data loader; 0 if this process reads it.
    """

    dataset: Any
    reads: int
    workers: int = 0


def keep_samples(data: Sequence[KeptData], limit: int) -> str:
    """Makes data sets cache their samples, if all of them fit.

    A sample is cached when it is first read. Samples for processes of a data loader are all made now: such a process is
    forked and shares the existing cache, but its own additions would be lost with it.

    Args:
        data: The data sets, perhaps within wrappers; ``KeptSamples`` makes their samples from now on.
        limit: Largest size in bytes; 0 disables the cache.

    Returns:
        A line that says which samples are cached, or why none are; '' if the cache is disabled.
    """
    if not limit:
        return ''
    data = [KeptData(leaf, entry.reads, entry.workers) for entry in data for leaf in leaves(entry.dataset)]
    reasons = [_why_not(entry) for entry in data]
    chosen = [entry for entry, reason in zip(data, reasons, strict=True) if reason is None]
    store = SampleStore(limit)
    for past_random in (True, False):  # if both results of a flip do not fit, the samples before it may
        plans = [_plan(entry, store, past_random) for entry in chosen]
        plans = [plan for plan in plans if plan.kept.steps.prefix]
        try:
            need = sum(plan.bytes() for plan in plans)
        except Exception as error:  # of a broken file; the training reports it in full
            return f'samples are not kept in memory: {type(error).__name__}: {error}'
        if plans and need <= min(limit, available_memory() // 2):
            return _install(plans, need)
    return 'samples are not kept in memory: ' + (
        f'they need about {_mib(need)} a process, allowed are {_mib(limit)} (execute.cache)'
        if plans
        else next(filter(None, reasons), 'no pipeline begins with a known step')
    )


def leaves(dataset: Any) -> Iterator[Any]:
    """The data sets within wrappers such as ``RepeatDataset`` and ``ConcatDataset``, or the data set itself."""
    inner = [getattr(dataset, name, None) for name in ('dataset', 'datasets', '_datasets')]
    inner = [child for value in inner if value is not None for child in _as_list(value)]
    if not inner:
        yield dataset
    for child in inner:
        yield from leaves(child)


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else [value]


def _why_not(data: KeptData) -> str | None:
    """Why samples of a data set cannot be cached; None if they can."""
    if not can_be_kept(data.dataset):
        return f'{type(data.dataset).__name__} makes them in a way of its own'
    if data.workers and multiprocessing.get_start_method() != 'fork':
        return 'the processes of its data loader do not share memory (mp_start_method is not fork)'
    return None


@dataclass(frozen=True)
class _Plan:
    kept: KeptSamples
    count: int
    prefill: bool

    def bytes(self) -> int:
        """Estimates the size from a few samples."""
        length = len(self.kept.dataset)
        indices = range(0, length, max(1, length // _SIZED))
        return int(self.count * mean(SampleStore.size_of(self.kept.frozen(index)) for index in indices))


def _plan(data: KeptData, store: SampleStore, past_random: bool) -> _Plan:
    # the random choices of a loader process are not known beforehand
    steps = split(data.dataset.pipeline.transforms, past_random and not data.workers)
    length = len(data.dataset)
    count = length if data.workers else min(length * steps.outcomes, data.reads)
    return _Plan(KeptSamples(data.dataset, steps, store), count, bool(data.workers))


def _install(plans: Sequence[_Plan], need: int) -> str:
    for plan in plans:
        plan.kept.install()
        if plan.prefill:
            for index in range(len(plan.kept.dataset)):
                plan.kept.kept(index)
    count = sum(plan.count for plan in plans)
    return f'samples are kept in memory: up to {count}, about {_mib(need)} a process'


def _mib(size: float) -> str:
    return f'{size / 2**20:.0f} MiB' if size < 10 * 2**30 else f'{size / 2**30:.0f} GiB'
