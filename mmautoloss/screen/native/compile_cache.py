"""Compiling in a process of its own, once a machine.

The process that compiles runs other machine code than those that load it: what is compiled beside each other is joined
otherwise than what is loaded, and box losses are rounded otherwise in the last digits. So no process that judges compiles.
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
"""Seconds after which compiled code of other sources, which nothing has used since, is deleted."""


@cache
def ensure_compiled() -> None:
    """Sees to it that everything is compiled; the first call on a machine takes some ten seconds, and says so.

    Where compiled code cannot be kept, or the process that compiles fails, this process compiles by itself.
    """
    if not is_kept():
        return
    folder = cache_folder()
    mark = folder / f'compiled-{_machine()}'
    if not mark.exists():
        with FileLock(str(folder / 'compiling.lock')):  # another process may be at it
            if not mark.exists() and _compile():
                mark.touch()
                _delete_unused(folder)
    if mark.exists():
        os.utime(mark)  # the time of its last use


def _compile() -> bool:
    print('compiling the screen, once a machine: some seconds', file=sys.stderr, flush=True)
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    done = subprocess.run(
        [sys.executable, '-c', WORK], env={**os.environ, 'PYTHONPATH': path}, capture_output=True, text=True
    )
    if done.returncode:
        warnings.warn(
            'The screen could not be compiled in a process of its own, so this one compiles it; last digits of verdicts '
            f'may differ from those of later processes. {done.stderr.strip()[-2000:]}',
            stacklevel=2,
        )
    return done.returncode == 0


def _machine() -> str:
    """Tells apart what numba compiles apart: processors, versions, and places and times of the sources."""
    cpu = (llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten())
    sources = sorted(Path(__file__).parent.glob('*.py'))
    stamps = [(str(path), path.stat().st_mtime_ns) for path in sources]
    return hashlib.sha256(repr((cpu, numba.__version__, stamps)).encode()).hexdigest()[:12]


def _delete_unused(used: Path) -> None:
    for folder in used.parent.glob('native-*'):
        with contextlib.suppress(FileNotFoundError):  # another process may delete it just now
            if folder != used and time.time() - _last_use(folder) > UNUSED:
                shutil.rmtree(folder)


def _last_use(folder: Path) -> float:
    return max(path.stat().st_mtime for path in [folder, *folder.rglob('*')])
