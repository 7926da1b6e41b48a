"""Memory of this machine and of this process; no computed number depends on it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_USUAL = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 64 * 2**20}
"""The thresholds that glibc itself chooses in a process that has freed large blocks."""

_KEPT = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 2**31 - 1}


_BY_USER = {
    'MALLOC_MMAP_THRESHOLD_': '',
    'MALLOC_TRIM_THRESHOLD_': '',
    'GLIBC_TUNABLES': 'glibc.malloc.',
}
"""Environment variables by which a user configures glibc's malloc, and the text that they then contain."""


def available_memory() -> int:
    """Bytes that are available on the machine and in the control group of this process, if it has one."""
    return min(_of_machine(), _of_group())


def _of_machine() -> int:
    try:
        lines = Path('/proc/meminfo').read_text().splitlines()
    except OSError:  # not Linux: nothing is known
        return sys.maxsize
    fields = dict(line.split(':', 1) for line in lines)
    return int(fields['MemAvailable'].split()[0]) * 1024 if 'MemAvailable' in fields else sys.maxsize


def _of_group(folder: Path = Path('/sys/fs/cgroup')) -> int:
    try:
        most, used = ((folder / name).read_text().strip() for name in ('memory.max', 'memory.current'))
    except OSError:
        return sys.maxsize
    return sys.maxsize if most == 'max' else max(0, int(most) - int(used))


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Makes malloc reuse freed memory instead of returning it to the system.

    Otherwise glibc returns large blocks to the system after each iteration, and the system clears each page before it is
    used again: a fifth of the time of a small segmentation network on the CPU. Does nothing without glibc, or if the user
    has set these thresholds in the environment.
    """
    _set(_KEPT)
    try:
        yield
    finally:
        _set(_USUAL)


def _set(options: dict[int, int]) -> None:
    mallopt = _mallopt()
    if mallopt is None:
        return
    for option, value in options.items():
        mallopt(option, value)


def _mallopt() -> Callable[[int, int], int] | None:
    if not sys.platform.startswith('linux') or _set_by_user():
        return None
    return getattr(ctypes.CDLL(None), 'mallopt', None)


def _set_by_user() -> bool:
    return any(part in os.environ[name] for name, part in _BY_USER.items() if name in os.environ)
