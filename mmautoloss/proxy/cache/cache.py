"""Which samples of a training and its validation are kept, so that all of it fits."""

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

_TRIED = 8
"""Samples of a data set from which the size of all is estimated."""


@dataclass(frozen=True)
class KeptData:
    """A data set of which samples may be kept.

    Attributes:
        dataset: The data set, or a wrapper of others.
        reads: Samples that a training reads of it at most.
        workers: Processes of its data loader; 0 where it is read in this process.
    """

    dataset: Any
    reads: int
    workers: int = 0


def keep_samples(data: Sequence[KeptData], limit: int) -> str:
    """Makes data sets keep their samples, where all of them fit.

    Samples are kept when they are first read. Those that the processes of a data loader read are all made now, since what
    such a process keeps is lost with it; it is forked, and shares what is there.

    Args:
        data: The data sets; their samples, and what those of wrappers read, are made by ``KeptSamples`` from now on.
        limit: Bytes that may be held in all; 0 keeps nothing.

    Returns:
        A line that says what is kept, or why nothing is; '' where nothing was asked for.
    """
    if not limit:
        return ''
    data = [KeptData(leaf, each.reads, each.workers) for each in data for leaf in leaves(each.dataset)]
    reasons = [_why_not(each) for each in data]
    chosen = [each for each, reason in zip(data, reasons, strict=True) if reason is None]
    store = SampleStore(limit)
    for forks in (True, False):  # where both ways of a flip do not fit, what is before it may
        plans = [_plan(each, store, forks) for each in chosen]
        plans = [plan for plan in plans if plan.kept.steps.lead]
        try:
            need = sum(plan.bytes() for plan in plans)
        except Exception as error:  # of a broken file; who trains with it is told in full
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
    inner = [each for found in inner if found is not None for each in (found if _many(found) else [found])]
    if not inner:
        yield dataset
    for each in inner:
        yield from leaves(each)


def _many(found: Any) -> bool:
    return isinstance(found, (list, tuple))


def _why_not(data: KeptData) -> str | None:
    """Why samples of a data set cannot be kept."""
    if not can_be_kept(data.dataset):
        return f'{type(data.dataset).__name__} makes them in a way of its own'
    if data.workers and multiprocessing.get_start_method() != 'fork':
        return 'the processes of its data loader do not share memory (mp_start_method is not fork)'
    return None


@dataclass(frozen=True)
class _Plan:
    kept: KeptSamples
    count: int
    at_once: bool

    def bytes(self) -> int:
        """An estimate from a few samples."""
        length = len(self.kept.dataset)
        tried = range(0, length, max(1, length // _TRIED))
        return int(self.count * mean(SampleStore.size_of(self.kept.frozen(index)) for index in tried))


def _plan(data: KeptData, store: SampleStore, forks: bool) -> _Plan:
    # what a process of a loader would draw cannot be made beforehand
    steps = split(data.dataset.pipeline.transforms, forks and not data.workers)
    length = len(data.dataset)
    count = length if data.workers else min(length * steps.ways, data.reads)
    return _Plan(KeptSamples(data.dataset, steps, store), count, bool(data.workers))


def _install(plans: Sequence[_Plan], need: int) -> str:
    for plan in plans:
        plan.kept.install()
        if plan.at_once:
            for index in range(len(plan.kept.dataset)):
                plan.kept.kept(index)
    count = sum(plan.count for plan in plans)
    return f'samples are kept in memory: up to {count}, about {_mib(need)} a process'


def _mib(size: float) -> str:
    return f'{size / 2**20:.0f} MiB' if size < 10 * 2**30 else f'{size / 2**30:.0f} GiB'
