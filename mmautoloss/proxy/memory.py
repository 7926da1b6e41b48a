"""Memory of this machine and of this process; nothing here changes a number that is computed."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_USUAL = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 64 * 2**20}
"""What glibc itself comes to in a process that has freed large blocks."""

_KEPT = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 2**31 - 1}


_BY_USER = {
    'MALLOC_MMAP_THRESHOLD_': '',
    'MALLOC_TRIM_THRESHOLD_': '',
    'GLIBC_TUNABLES': 'glibc.malloc.',
}
"""Environment variables by which a user sets glibc's malloc, and what is in them where they do."""


def available_memory() -> int:
    """Bytes that may still be taken: of the machine, and of the control group of this process where there is one."""
    return min(_of_machine(), _of_group())


def _of_machine() -> int:
    try:
        lines = Path('/proc/meminfo').read_text().splitlines()
    except OSError:  # not Linux: nothing is known
        return sys.maxsize
    found = dict(line.split(':', 1) for line in lines)
    return int(found['MemAvailable'].split()[0]) * 1024 if 'MemAvailable' in found else sys.maxsize


def _of_group(folder: Path = Path('/sys/fs/cgroup')) -> int:
    try:
        most, used = ((folder / name).read_text().strip() for name in ('memory.max', 'memory.current'))
    except OSError:
        return sys.maxsize
    return sys.maxsize if most == 'max' else max(0, int(most) - int(used))


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keeps what a training frees within the process, for its next iteration.

    Else glibc gives large blocks back to the system after each iteration, which clears them page by page before they are
    used again: a fifth of the time of a small segmentation network on the CPU. Elsewhere than on glibc nothing happens, nor
    where the user has set these numbers in the environment.
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
