"""The main function of a worker process: receives trials, sends pulses and outcomes, all as JSON."""

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
from mmautoloss.execute.devices import name_gpus, require_working_gpu
from mmautoloss.proxy import Evaluator, ProxySettings, evaluator_of
from mmautoloss.trial import Pulse, Trial, outcome_to_json

_COLLECTIVE = timedelta(hours=2)
"""Longest wait of a process for the others of its candidate; the limits of the supervisor are shorter."""


class WorkerIdentity(NamedTuple):
    """Identity of a worker process.

    Attributes:
        name: Name of the worker.
        rank: Rank among the processes that train a candidate together, from 0.
        ranks: Number of these processes.
        gpus: The GPUs of the worker, as named by ``CUDA_VISIBLE_DEVICES``; empty on the CPU.
        threads: CPU threads of each process.
        port: Port of the process group of a candidate, on this machine.
        beat: Seconds between two pulses.
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
        """Environment variables that must be set when the process starts, before any import."""
        variables = dict.fromkeys(('OMP_NUM_THREADS', 'MKL_NUM_THREADS'), str(self.threads))
        if self.gpus:
            variables['CUDA_VISIBLE_DEVICES'] = ','.join(self.gpus)
        if self.ranks > 1:
            variables |= {'RANK': str(self.rank), 'LOCAL_RANK': str(self.rank), 'WORLD_SIZE': str(self.ranks)}
            variables |= {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(self.port)}
        return variables


def work(link: Connection, settings: ProxySettings, identity: WorkerIdentity) -> None:
    """Evaluates trials until the driver closes the link or ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the driver handles it
    # a config sets the start method for its data loaders
    warnings.filterwarnings('ignore', message='Multi-processing start method')
    try:
        evaluator = evaluator_of(settings)
        sender = PulseSender(link, evaluator, identity)
        evaluator.progress.changed = sender.pulse  # so that the phase in which a process dies is known
        threading.Thread(target=sender.beat, daemon=True).start()
        _prepare(identity)
    except Exception as error:  # of the device, of a module of the config, or of the package that one needs
        with contextlib.suppress(OSError):
            link.send_bytes(json.dumps({'unprepared': describe_error(error)}).encode())
        return
    while True:
        try:
            job = json.loads(link.recv_bytes())
        except (EOFError, OSError):
            return
        sender.trial = job['trial']['number']
        sender.pulse()
        outcome = evaluator.evaluate(Trial.from_json(job['trial']), job['limit'])
        sender.trial = None
        sender.send({'outcome': outcome_to_json(outcome), 'last': evaluator.spent, 'spoilt': evaluator.broken})
        if evaluator.spent:
            return  # a new process takes its place


def _prepare(identity: WorkerIdentity) -> None:
    """Selects the device of this process and, if several train together, joins their process group."""
    if identity.gpus and not torch.cuda.is_available():
        raise SetupError(f'{name_gpus(identity.gpus)} is not available to this worker.')
    if torch.cuda.is_available():
        torch.cuda.set_device(identity.rank)
        require_working_gpu()
    else:
        torch.set_num_threads(identity.threads)
    if identity.ranks > 1:
        backend = 'nccl' if torch.cuda.is_available() else 'gloo'
        torch.distributed.init_process_group(backend, timeout=_COLLECTIVE)


def describe_error(error: BaseException) -> str:
    """The type and the first line of an error; torch adds lines of advice to those of CUDA."""
    lines = str(error).strip().splitlines()
    return f'{type(error).__name__}: {lines[0]}' if lines else type(error).__name__


class PulseSender:
    """Sends the state and the outcomes of this process; used by two threads."""

    def __init__(self, link: Connection, evaluator: Evaluator, identity: WorkerIdentity) -> None:
        self.trial: int | None = None
        self._link = link
        self._progress = evaluator.progress
        self._identity = identity
        self._where = f'{platform.node()}:{os.getpid()} {name_gpus(identity.gpus)}'.rstrip()
        self._lock = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._link.send_bytes(json.dumps(message).encode())

    def pulse(self) -> None:
        """Sends the current state."""
        progress = self._progress
        pulse = Pulse(self._identity.name, self.trial, progress.phase, progress.step, where=self._where)
        self.send({'pulse': pulse.to_json()})

    def beat(self) -> None:
        """Sends the state periodically; ends the process when the driver is gone."""
        pause = threading.Event()
        with contextlib.suppress(OSError):  # the link broke: the driver has ended, perhaps by SIGKILL
            while True:
                self.pulse()
                self._progress.tick()
                pause.wait(self._identity.beat)
        os._exit(1)  # the training in the main thread would go on in vain
