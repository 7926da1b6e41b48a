"""Processes that write a journal until they are told to stop, or are killed."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from mmautoloss.trial import Journal, Outcome, Role, State, Trial

LIMIT = 60  # seconds, for a machine that is busy
HEADER = {'seed': 0, 'metric': 'toy/score'}
_FORK = multiprocessing.get_context('fork')


def fork(work: Callable[..., None], *args: Any) -> BaseProcess:
    """Runs a function in a process of its own, without importing anything anew."""
    process = _FORK.Process(target=work, args=args)
    process.start()
    return process


def answer_of(work: Callable[..., None], *args: Any) -> Any:
    """What a function in a process of its own puts into the queue that it gets last."""
    queue = _FORK.SimpleQueue()
    process = fork(work, *args, queue)
    process.join(LIMIT)
    assert process.exitcode == 0
    return queue.get()


def kill(process: BaseProcess) -> None:
    """Ends a process as the kernel does when memory is short."""
    os.kill(process.pid, signal.SIGKILL)
    process.join()  # a limit would make it wait for the children, too, which hold the pipe that it listens to
    assert process.exitcode == -signal.SIGKILL, 'it ended by itself before'


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits until a condition holds.

    Raises:
        TimeoutError: It does not.
    """
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.005)


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b'\n') if path.exists() else 0


def write_trials(path: Path, count: int = 1_000_000) -> None:
    """A session that goes on with what runs, and then proposes and settles one trial after the other."""
    journal = Journal(path, HEADER, {}, resume=True)
    journal.begin(1, 30.0, {})
    for trial in journal.history.running():
        journal.settle(trial.number, Outcome(State.COMPLETE, trial.number / 7), journal.elapsed + 1.0)
    for number in range(len(journal.history), count):
        journal.propose(Trial(number, Role.BASELINE, seed=number))
        journal.settle(number, Outcome(State.COMPLETE, number / 7), journal.elapsed + 1.0)


def hold(path: Path) -> None:
    """A session that owns a journal and does nothing."""
    journal = Journal(path, HEADER, {}, resume=True)
    journal.begin(1, 30.0, {})
    time.sleep(LIMIT)


def hold_by_a_child(path: Path, release: Path) -> None:
    """The same with a child that lives until a file appears.

    It is forked past Python, so that no hook closes the lock that it inherits, as some versions of filelock do.
    """
    journal = Journal(path, HEADER, {}, resume=True)
    if ctypes.CDLL(None).fork() == 0:
        try:
            wait_for(release.exists)
        finally:
            os._exit(0)
    journal.begin(1, 30.0, {})
    time.sleep(LIMIT)
