"""Blocks on several threads, each operation on one thread.

Torch splits every operation among its threads and waits for the slowest; with operations of microseconds, on cores that
other processes use too, most of the time is spent on waiting. Here each thread takes the next block with all its operations.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock
from typing import TypeVar

import torch

Item = TypeVar('Item')
Result = TypeVar('Result')
_pools: dict[int, ThreadPoolExecutor] = {}


def on_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of a function without gradient, in the order of the items.

    It uses as many threads as torch; the order in which they take the items does not change the results.
    """
    items = list(items)
    count = min(torch.get_num_threads(), len(items))
    if count <= 1:
        return [function(item) for item in items]
    results: list = [None] * len(items)
    waiting, lock = iter(enumerate(items)), Lock()

    def work() -> None:
        with torch.no_grad():  # the gradient mode is set per thread
            while True:
                with lock:
                    entry = next(waiting, None)
                if entry is None:
                    return
                index, item = entry
                results[index] = function(item)

    for task in [_pool(torch.get_num_threads()).submit(work) for _ in range(count)]:
        task.result()
    return results


class OneThread:
    """A context in which the calling thread computes its operations alone, as suits a small call."""

    def __enter__(self) -> None:
        self.count = torch.get_num_threads()
        if self.count > 1:
            torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        if self.count > 1:
            torch.set_num_threads(self.count)


def _pool(count: int) -> ThreadPoolExecutor:
    if count not in _pools:
        _pools[count] = _start(count)
    return _pools[count]


def _start(count: int) -> ThreadPoolExecutor:
    """A pool of threads that compute their operations alone."""
    started = Barrier(count + 1)

    def begin() -> None:
        torch.set_num_threads(1)  # for this thread, and for threads that start later
        started.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix='mmautoloss', initializer=begin)
    for _ in range(count):
        pool.submit(int)  # an executor starts one thread per task while no thread is idle
    started.wait()
    torch.set_num_threads(count)
    return pool


if hasattr(os, 'register_at_fork'):  # Windows has no fork
    os.register_at_fork(after_in_child=_pools.clear)  # threads do not survive a fork
