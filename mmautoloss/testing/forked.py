"""Python programs in processes that are forked from a server with all imports.

A new Python process spends seconds on imports. Tests of a new process itself, such as of its imports, need a real
``subprocess``.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

SERVER = multiprocessing.get_context('forkserver')
"""Starts processes, which have its imports."""

_OURS = [
    *('engine', 'report.figures.progress_image', 'screen.native.race'),
    *('testing.compiled_types', 'testing.killed_searches', 'testing.toy'),
]
_OTHERS = [
    *(
        'matplotlib.backends.backend_agg',
        'matplotlib.figure',
        'mmcv.ops',
        'pytest',
        'rich',
        'scipy.linalg',
        'setuptools',
    ),
    *('numba.cpython.unicode', 'numba.np.npyimpl', 'numba.typed', 'torch._dynamo', 'torchvision', 'yapf'),
]
SERVER.set_forkserver_preload([*_OTHERS, *(f'mmautoloss.{name}' for name in _OURS)])  # missing modules are skipped


class ForkedProcess(ForkServerProcess):
    """A process with the environment variables that its parent has when it starts it, as one that is spawned."""

    _environment: dict[str, str]

    def start(self) -> None:
        """Forks it from the server."""
        self._environment = dict(os.environ)
        super().start()

    def run(self) -> None:
        """Calls its function."""
        os.environ.clear()
        os.environ.update(self._environment)
        super().run()


class ForkedProgram:
    """A running program; its methods are those of ``subprocess.Popen``.

    Args:
        command: Arguments of ``python``: a path, or ``-m`` and a module; and further arguments.
        folder: The working directory.
        environment: All environment variables.
        out: File to which stdout is appended.
        err: File to which stderr is appended; by default ``out``.
        stdin: What it reads; nothing by default. It stays open here.
    """

    _running: weakref.WeakSet[ForkedProgram] = weakref.WeakSet()

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        out: Path,
        err: Path | None = None,
        stdin: socket.socket | None = None,
    ) -> None:
        arguments = (list(command), str(folder), dict(environment), str(out), str(err or out), stdin)
        self._process = SERVER.Process(target=_run, args=arguments)
        self._process.start()
        self._running.add(self)

    @property
    def pid(self) -> int:
        """The process ID."""
        if self._process.pid is None:
            raise RuntimeError('The program has not been started.')
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.exitcode

    def wait(self, seconds: float) -> int:
        """The exit status, as soon as it has one.

        Raises:
            TimeoutError: It still runs after so many seconds.
        """
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise TimeoutError(f'still runs after {seconds} s')
        return self._process.exitcode

    def send_signal(self, signum: int) -> None:
        """Sends a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signum)


def run_forked(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, with the return value of ``subprocess.run``.

    Raises:
        TimeoutError: It still runs after so many seconds.
    """
    with tempfile.TemporaryDirectory() as output:
        out, err = Path(output, 'out'), Path(output, 'err')
        code = ForkedProgram(command, folder, environment, out, err).wait(seconds)
        return subprocess.CompletedProcess(list(command), code, out.read_text(), err.read_text())


def _run(
    command: list[str], folder: str, environment: Mapping[str, str], out: str, err: str, stdin: socket.socket | None
) -> None:
    if stdin is not None:
        os.dup2(stdin.detach(), 0)
    for path, number in ((out, 1), (err, 2)):
        with open(path, 'ab') as file:
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    torch.set_num_threads(1)
    first = folder if command[0] == '-m' else str(Path(command[0]).absolute().parent)
    sys.path[:0] = [first, *filter(None, environment.get('PYTHONPATH', '').split(os.pathsep))]
    sys.argv = command[1:] if command[0] == '-m' else command
    if command[0] == '-m':
        runpy.run_module(command[1], run_name='__main__', alter_sys=True)
    else:
        runpy.run_path(command[0], run_name='__main__')


@atexit.register
def _end() -> None:
    """Kills programs that failed tests left running, since the end of this process would wait for them."""
    for program in ForkedProgram._running:
        if program.poll() is None:
            program.send_signal(signal.SIGKILL)
