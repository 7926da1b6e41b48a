"""Measuring in worker processes on this machine, each with a Runner of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
import warnings
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.trial import Outcome, State, Trial, outcome_from_json, outcome_to_json

_evaluator: ProxyEvaluator | None = None  # of this worker process


class LocalExecutor(Executor):
    """One process a slot, started afresh (spawn) and kept; with GPUs, worker k trains on GPU k.

    Each worker is a pool of one process, so that one that dies fails its own trial only; another takes its place.

    Args:
        settings: How a candidate is measured.
        workers: Number of processes.
        threads: Threads of a worker on the CPU; by default the cores are shared out.

    Raises:
        SetupError: ``workers`` or ``threads`` is not positive.
    """

    def __init__(self, settings: ProxySettings, workers: int, threads: int | None = None) -> None:
        if workers < 1 or (threads is not None and threads < 1):
            raise SetupError(f'workers and threads must be at least 1, but got {workers} and {threads}.')
        self.slots = workers
        self.settings = settings
        self.threads = threads or max(1, (os.cpu_count() or 1) // workers)
        self._pools: list[ProcessPoolExecutor | None] = [None] * workers
        self._free = list(reversed(range(workers)))

    def submit(self, trial: Trial) -> Future[Outcome]:
        """Gives a trial to a free worker.

        Raises:
            RuntimeError: All workers are busy.
        """
        if not self._free:
            raise RuntimeError(f'All {self.slots} workers are busy.')
        slot = self._free.pop()
        outcome: Future[Outcome] = Future()
        try:
            answer = self._pool(slot).submit(_evaluate, trial.to_json())
        except BrokenProcessPool:  # its worker died between two trials
            self._pools[slot] = None
            answer = self._pool(slot).submit(_evaluate, trial.to_json())
        answer.add_done_callback(lambda done: self._settle(slot, done, outcome))
        return outcome

    def close(self) -> None:
        """Ends all workers at once."""
        for slot, pool in enumerate(self._pools):
            if pool is not None:
                for process in list(getattr(pool, '_processes', {}).values()):
                    process.terminate()
                pool.shutdown(wait=False, cancel_futures=True)
                self._pools[slot] = None

    def _pool(self, slot: int) -> ProcessPoolExecutor:
        if self._pools[slot] is None:
            self._pools[slot] = ProcessPoolExecutor(
                max_workers=1,
                mp_context=multiprocessing.get_context('spawn'),
                initializer=_begin,
                initargs=(self.settings, slot, self.threads),
            )
        return self._pools[slot]

    def _settle(self, slot: int, answer: Future[dict[str, Any]], outcome: Future[Outcome]) -> None:
        if answer.cancelled():
            outcome.cancel()
            return
        error = answer.exception()
        if isinstance(error, BrokenProcessPool):
            self._pools[slot] = None  # the next trial of this slot starts another worker
            result = Outcome(State.FAILED, reason='the worker process died')
        elif error is not None:
            result = Outcome(State.FAILED, reason=f'the worker failed: {error!r}')
        else:
            result = outcome_from_json(answer.result())
        self._free.append(slot)
        outcome.set_result(result)


def _begin(settings: ProxySettings, slot: int, threads: int) -> None:
    """Runs once in a new worker."""
    import torch

    # the start method that a config sets is that of its data loaders
    warnings.filterwarnings('ignore', message='Multi-processing start method')
    threading.Thread(target=_end_with_driver, daemon=True).start()
    global _evaluator
    if torch.cuda.is_available():
        torch.cuda.set_device(slot % torch.cuda.device_count())
    else:
        torch.set_num_threads(threads)
    _evaluator = ProxyEvaluator(settings)


def _end_with_driver() -> None:
    """Ends this worker when the driver is gone, even by SIGKILL; else it would wait for work forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _evaluate(trial: dict[str, Any]) -> dict[str, Any]:
    """Runs in a worker; what goes in and out is text and numbers."""
    return outcome_to_json(_evaluator.evaluate(Trial.from_json(trial)))
