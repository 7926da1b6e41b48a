"""Measuring in worker processes on this machine, each with a Runner of its own."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, Pipe, wait

from mmautoloss.errors import SetupError
from mmautoloss.execute.devices import share_cores, share_gpus, visible_gpus
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.supervisor import SupervisedExecutor
from mmautoloss.execute.worker import Worker, WorkerDied
from mmautoloss.execute.worker_process import WorkerIdentity, work
from mmautoloss.proxy import ProxySettings
from mmautoloss.trial import Outcome, Pulse, State, Trial, outcome_from_json

_PATIENCE = 10.0
"""Seconds that the processes of a candidate may answer after the first one that failed."""

_environment = threading.Lock()


class LocalExecutor(SupervisedExecutor['LocalWorker']):
    """One process a slot, started afresh (spawn) and kept; with GPUs, each has its own.

    Args:
        settings: How a candidate is measured.
        workers: Number of candidates that are trained at the same time.
        threads: Threads of a process on the CPU; by default the cores are shared out.
        gpus_per_candidate: Processes that train a candidate together by distributed data-parallel training (gloo on
            the CPU).
        limits: How long to wait for a worker.

    Raises:
        SetupError: A number is not positive, or there are fewer GPUs than a candidate needs.
    """

    def __init__(
        self,
        settings: ProxySettings,
        workers: int,
        threads: int | None = None,
        gpus_per_candidate: int = 1,
        limits: Limits | None = None,
    ) -> None:
        if min(workers, gpus_per_candidate) < 1 or (threads is not None and threads < 1):
            raise SetupError(
                'workers, threads and gpus_per_candidate must be at least 1, '
                f'but got {workers}, {threads} and {gpus_per_candidate}.'
            )
        super().__init__(workers, limits, prefix='local')
        self.settings = settings
        self.ranks = gpus_per_candidate
        self.threads = threads or share_cores(workers * self.ranks)
        self.gpus = share_gpus(visible_gpus(), workers, self.ranks)
        self._ear, self._bell = Pipe(duplex=False)

    def _start(self, index: int, name: str) -> LocalWorker:
        beat = min(1.0, self.limits.silence / 4)
        port = _free_port() if self.ranks > 1 else 0
        places = [
            WorkerIdentity(name, rank, self.ranks, self.gpus[index], self.threads, port, beat)
            for rank in range(self.ranks)
        ]
        return LocalWorker(self.settings, places)

    def _sleep(self, workers: Sequence[LocalWorker], seconds: float) -> None:
        sources = [source for worker in workers for source in worker.sources()]
        if self._ear in wait([self._ear, *sources], seconds):
            self._ear.recv_bytes()

    def _wake(self) -> None:
        self._bell.send_bytes(b'.')


class LocalWorker(Worker):
    """The process of a worker, or the processes that train a candidate together.

    Args:
        settings: How a candidate is measured.
        places: Who each process is, by rank.
    """

    def __init__(self, settings: ProxySettings, places: Sequence[WorkerIdentity]) -> None:
        self._links: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._outcomes: dict[int, Outcome] = {}
        self._failed_at: float | None = None
        self._spoilt = False
        try:
            for place in places:
                self._launch(settings, place)
        except OSError as error:  # no more processes, files or memory
            self.kill()
            raise WorkerDied(f'it cannot be started: {error}') from None

    def _launch(self, settings: ProxySettings, place: WorkerIdentity) -> None:
        here, there = Pipe()
        process = multiprocessing.get_context('spawn').Process(
            target=work, args=(there, settings, place), name=f'{place.name}.{place.rank}', daemon=False
        )
        with _inherited(place.environment):
            process.start()
        there.close()  # so that the end of the process ends the link
        self._links.append(here)
        self._processes.append(process)

    @property
    def pids(self) -> list[int]:
        """The processes, by rank."""
        return [process.pid for process in self._processes if process.pid is not None]

    def begin(self, trial: Trial, limit: float | None) -> None:
        """Hands the trial to all processes."""
        self._outcomes, self._failed_at = {}, None
        # one of several that stopped by its own clock would leave the others waiting; there the supervisor's counts
        limit = limit if len(self._links) == 1 else None
        message = json.dumps({'trial': trial.to_json(), 'limit': limit}).encode()
        for link in self._links:
            try:
                link.send_bytes(message)
            except OSError:
                raise WorkerDied(self._cause()) from None

    def news(self) -> Iterator[Pulse | Outcome]:
        """Pulses of the first process, and its outcome when all have theirs."""
        if self._spoilt and not self._outcomes:
            raise WorkerDied('it was spoilt by the trial before')
        for rank, link in enumerate(self._links):
            for message in _received(link):
                if 'outcome' in message:
                    self._spoilt = self._spoilt or message['last']
                    self._outcomes[rank] = outcome_from_json(message['outcome'])
                elif rank == 0:
                    yield Pulse.from_json(message['pulse'])
        if len(self._outcomes) == len(self._links):
            outcomes, self._outcomes = self._outcomes, {}
            yield next((each for each in outcomes.values() if each.state is State.FAILED), outcomes[0])
        elif any(not process.is_alive() for process in self._processes):
            raise WorkerDied(self._cause())
        else:
            self._require_company()

    def kill(self) -> None:
        """Ends the processes at once."""
        for process in self._processes:
            process.kill()
        for process, link in zip(self._processes, self._links, strict=True):
            process.join(
                _PATIENCE
            )  # one that waits for a dead disk or driver does not die; others must not wait for it
            link.close()
        self._processes, self._links = [], []

    def sources(self) -> list[Connection | int]:
        """What becomes ready when there is news."""
        return [*self._links, *(process.sentinel for process in self._processes)]

    def _require_company(self) -> None:
        """One process that failed alone leaves the others waiting for it."""
        failed = [outcome for outcome in self._outcomes.values() if outcome.state is State.FAILED]
        if not failed:
            return
        if self._failed_at is None:
            self._failed_at = time.monotonic()
        if time.monotonic() - self._failed_at > _PATIENCE:
            raise WorkerDied(f'one of its {len(self._links)} processes failed alone: {failed[0].reason}')

    def _cause(self) -> str:
        for process in self._processes:
            process.join(1.0)  # its exit code comes a moment after its last word
        codes = [process.exitcode for process in self._processes if process.exitcode is not None]
        return ', '.join(map(_describe_exit, codes)) or 'its link broke'


def _received(link: Connection) -> Iterator[dict]:
    """What lies in the link; a process that died may have left its last words there."""
    with contextlib.suppress(EOFError, OSError):
        while link.poll():
            yield json.loads(link.recv_bytes())


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f'exit code {code}'
    hint = ', perhaps for lack of memory' if code == -9 else ''  # SIGKILL, which Windows has not
    return f'{signal.Signals(-code).name}{hint}'


@contextlib.contextmanager
def _inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for a process that is started meanwhile."""
    with _environment:
        before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        return server.getsockname()[1]
