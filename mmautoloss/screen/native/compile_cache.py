"""Compilation in a separate process, once for each machine.

A process that compiles runs other machine code than one that loads it: functions compiled together are inlined differently,
and box losses round differently in the last digits. So a process that judges expressions does not compile.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
import warnings
from functools import cache
from pathlib import Path

import llvmlite.binding
import numba
from filelock import FileLock

from mmautoloss.screen.native.compiler import cache_folder, is_kept

WORK = 'from mmautoloss.screen.native.warm_up import warm; warm()'

UNUSED = 6 * 7 * 24 * 3600
"""Seconds after which unused compiled code of other sources is deleted."""


@cache
def ensure_compiled() -> None:
    """Compiles everything if needed; the first call on a machine takes about ten seconds and prints a message.

    Where compiled code cannot be cached, or the separate process fails, this process compiles by itself.
    """
    if not is_kept():
        return
    folder = cache_folder()
    marker = folder / f'compiled-{_machine()}'
    if not marker.exists():
        with FileLock(str(folder / 'compiling.lock')):  # another process may be compiling
            if not marker.exists() and _compile():
                marker.touch()
                _delete_unused(folder)
    if marker.exists():
        os.utime(marker)  # the time of its last use


def _compile() -> bool:
    print('compiling the screen, once a machine: some seconds', file=sys.stderr, flush=True)
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    process = subprocess.run(
        [sys.executable, '-c', WORK], env={**os.environ, 'PYTHONPATH': path}, capture_output=True, text=True
    )
    if process.returncode:
        warnings.warn(
            'The screen could not be compiled in a process of its own, so this one compiles it; last digits of verdicts '
            f'may differ from those of later processes. {process.stderr.strip()[-2000:]}',
            stacklevel=2,
        )
    return process.returncode == 0


def _machine() -> str:
    """A digest of everything by which numba distinguishes cached code: processor, version, paths and times of sources."""
    cpu = (llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten())
    sources = sorted(Path(__file__).parent.glob('*.py'))
    stamps = [(str(path), path.stat().st_mtime_ns) for path in sources]
    return hashlib.sha256(repr((cpu, numba.__version__, stamps)).encode()).hexdigest()[:12]


def _delete_unused(used: Path) -> None:
    for folder in used.parent.glob('native-*'):
        with contextlib.suppress(FileNotFoundError):  # another process may have deleted it
            if folder != used and time.time() - _last_use(folder) > UNUSED:
                shutil.rmtree(folder)


def _last_use(folder: Path) -> float:
    return max(path.stat().st_mtime for path in [folder, *folder.rglob('*')])
