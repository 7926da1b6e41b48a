"""The inside of a worker process: trials come in as text, signs of life and outcomes go out."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import signal
import threading
import warnings
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import torch

from mmautoloss.errors import SetupError
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.trial import Pulse, Trial, outcome_to_json

_COLLECTIVE = timedelta(hours=2)
"""Longest wait of a process for the others of its candidate; the supervisor notices long before."""


class WorkerIdentity(NamedTuple):
    """Who a worker process is.

    Attributes:
        name: Name of the worker.
        rank: Which of the processes that train a candidate together, from 0.
        ranks: How many they are.
        gpus: The GPUs of the worker, as ``CUDA_VISIBLE_DEVICES`` names them; none on the CPU.
        threads: Threads of each process on the CPU.
        port: Where the processes of a candidate meet, on this machine.
        beat: Seconds between two signs of life.
    """

    name: str
    rank: int
    ranks: int
    gpus: tuple[str, ...]
    threads: int
    port: int
    beat: float

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that the process must find when it begins, before anything is imported."""
        found = dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(self.threads))
        if self.gpus:
            found['CUDA_VISIBLE_DEVICES'] = ','.join(self.gpus)
        if self.ranks > 1:
            found |= {'RANK': str(self.rank), 'LOCAL_RANK': str(self.rank), 'WORLD_SIZE': str(self.ranks)}
            found |= {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(self.port)}
        return found


def work(link: Connection, settings: ProxySettings, place: WorkerIdentity) -> None:
    """Measures trials until the driver closes the link, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides what it means
    # the start method that a config sets is that of its data loaders
    warnings.filterwarnings('ignore', message='Multi-processing start method')
    evaluator = ProxyEvaluator(settings)
    sender = PulseSender(link, evaluator, place)
    evaluator.progress.changed = sender.pulse  # so that the phase is known in which a process dies
    threading.Thread(target=sender.beat, daemon=True).start()
    _prepare(place)
    while True:
        try:
            job = json.loads(link.recv_bytes())
        except (EOFError, OSError):
            return
        sender.trial = job['trial']['number']
        sender.pulse()
        outcome = evaluator.evaluate(Trial.from_json(job['trial']), job['limit'])
        sender.trial = None
        sender.say({'outcome': outcome_to_json(outcome), 'last': evaluator.spent})
        if evaluator.spent:
            return  # whoever takes this place begins anew


def _prepare(place: WorkerIdentity) -> None:
    """Takes the devices of this process and, where there are several, meets the others."""
    if place.gpus and not torch.cuda.is_available():
        raise SetupError(f'GPU {",".join(place.gpus)} is not available to this worker any more.')
    if torch.cuda.is_available():
        torch.cuda.set_device(place.rank)
    else:
        torch.set_num_threads(place.threads)
    if place.ranks > 1:
        backend = 'nccl' if torch.cuda.is_available() else 'gloo'
        torch.distributed.init_process_group(backend, timeout=_COLLECTIVE)


class PulseSender:
    """Says what this process does; two threads share it."""

    def __init__(self, link: Connection, evaluator: ProxyEvaluator, place: WorkerIdentity) -> None:
        self.trial: int | None = None
        self._link = link
        self._progress = evaluator.progress
        self._place = place
        self._where = f'{platform.node()}:{os.getpid()}' + (f' GPU {",".join(place.gpus)}' if place.gpus else '')
        self._lock = threading.Lock()

    def say(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._link.send_bytes(json.dumps(message).encode())

    def pulse(self) -> None:
        """Says what is done just now."""
        progress = self._progress
        pulse = Pulse(self._place.name, self.trial, progress.phase, progress.step, where=self._where)
        self.say({'pulse': pulse.to_json()})

    def beat(self) -> None:
        """Says what is done, again and again; ends the process when nobody listens any more."""
        pause = threading.Event()
        with contextlib.suppress(OSError):  # the link broke: the driver is gone, even by SIGKILL
            while True:
                self.pulse()
                self._progress.tick()
                pause.wait(self._place.beat)
        os._exit(1)  # a training in the main thread would go on for nobody
