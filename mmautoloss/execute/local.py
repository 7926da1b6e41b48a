"""Executor with worker processes on this machine, each with its own Runner."""

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
from mmautoloss.execute.devices import name_gpus, share_cores, share_gpus, visible_gpus
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.supervisor import SupervisedExecutor
from mmautoloss.execute.worker import Worker, WorkerDied, news_of
from mmautoloss.execute.worker_process import WorkerIdentity, work
from mmautoloss.proxy import ProxySettings
from mmautoloss.trial import Outcome, Pulse, State, Trial

_PATIENCE = 10.0
"""Seconds to wait for the other processes of a candidate after one of them has failed, or has been killed."""

_environment_lock = threading.Lock()


class LocalExecutor(SupervisedExecutor['LocalWorker']):
    """One persistent process per slot, started by spawn; with GPUs, each has its own.

    Args:
        settings: How a candidate is evaluated.
        workers: Number of candidates that are trained at the same time.
        threads: CPU threads of a process; by default the cores are distributed evenly.
        gpus_per_candidate: Processes that train a candidate together by distributed data-parallel training (gloo on
            the CPU); below 1 the share of a GPU that a candidate has.
        limits: Time limits of trials and workers.

    Raises:
        SetupError: A number is not positive, or there are fewer GPUs than the workers need.
    """

    def __init__(
        self,
        settings: ProxySettings,
        workers: int,
        threads: int | None = None,
        gpus_per_candidate: float = 1,
        limits: Limits | None = None,
    ) -> None:
        if workers < 1 or gpus_per_candidate <= 0 or (threads is not None and threads < 1):
            raise SetupError(
                'workers, threads and gpus_per_candidate must be at least 1, '
                f'but got {workers}, {threads} and {gpus_per_candidate}.'
            )
        super().__init__(workers, limits, prefix='local')
        self.settings = settings
        self.ranks = int(max(1, gpus_per_candidate))
        self.threads = threads or share_cores(workers * self.ranks)
        self.gpus = share_gpus(visible_gpus(), workers, gpus_per_candidate)
        self._wake_receiver, self._wake_sender = Pipe(duplex=False)

    def _start(self, index: int, name: str) -> LocalWorker:
        beat = min(1.0, self.limits.silence / 4)
        port = _free_port() if self.ranks > 1 else 0
        identities = [
            WorkerIdentity(name, rank, self.ranks, self.gpus[index], self.threads, port, beat)
            for rank in range(self.ranks)
        ]
        return LocalWorker(self.settings, identities)

    def _place(self, index: int) -> str:
        return name_gpus(self.gpus[index])

    def _sleep(self, workers: Sequence[LocalWorker], seconds: float) -> None:
        sources = [source for worker in workers for source in worker.sources()]
        if self._wake_receiver in wait([self._wake_receiver, *sources], seconds):
            self._wake_receiver.recv_bytes()

    def _wake(self) -> None:
        self._wake_sender.send_bytes(b'.')


class LocalWorker(Worker):
    """The process of a worker, or the processes that train a candidate together.

    Args:
        settings: How a candidate is evaluated.
        identities: The identity of each process, by rank.
    """

    def __init__(self, settings: ProxySettings, identities: Sequence[WorkerIdentity]) -> None:
        self._links: list[Connection] = []
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._outcomes: dict[int, Outcome] = {}
        self._failed_at: float | None = None
        self._unusable = False
        try:
            for identity in identities:
                self._launch(settings, identity)
        except OSError as error:  # too few processes, file descriptors or memory
            self.kill()
            raise WorkerDied(f'it cannot be started: {error}') from None

    def _launch(self, settings: ProxySettings, identity: WorkerIdentity) -> None:
        own_end, worker_end = Pipe()
        process = multiprocessing.get_context('spawn').Process(
            target=work, args=(worker_end, settings, identity), name=f'{identity.name}.{identity.rank}', daemon=False
        )
        with _inherited(identity.environment):
            process.start()
        worker_end.close()  # so that the link breaks when the process ends
        self._links.append(own_end)
        self._processes.append(process)

    @property
    def pids(self) -> list[int]:
        """Ids of the processes, by rank."""
        return [process.pid for process in self._processes if process.pid is not None]

    def begin(self, trial: Trial, limit: float | None) -> None:
        """Sends the trial to all processes."""
        self._outcomes, self._failed_at = {}, None
        # one of several processes that stops alone would leave the others waiting, so only the supervisor limits them
        limit = limit if len(self._links) == 1 else None
        message = json.dumps({'trial': trial.to_json(), 'limit': limit}).encode()
        for link in self._links:
            try:
                link.send_bytes(message)
            except OSError:
                raise WorkerDied(self._cause()) from None

    def news(self) -> Iterator[Pulse | Outcome]:
        """Pulses of the first process, and one outcome when all processes have sent theirs."""
        if self._unusable and not self._outcomes:
            raise WorkerDied('it was spoilt by the trial before')
        for rank, link in enumerate(self._links):
            for message in _received(link):
                self._unusable = self._unusable or message.get('last', False)
                news = news_of(message)
                if isinstance(news, Outcome):
                    self._outcomes[rank] = news
                elif rank == 0:
                    yield news
        if len(self._outcomes) == len(self._links):
            outcomes, self._outcomes = self._outcomes, {}
            yield next((outcome for outcome in outcomes.values() if outcome.state is State.FAILED), outcomes[0])
        elif any(not process.is_alive() for process in self._processes):
            raise WorkerDied(self._cause())
        else:
            self._check_single_failure()

    def kill(self) -> None:
        """Kills the processes."""
        for process in self._processes:
            process.kill()
        for process, link in zip(self._processes, self._links, strict=True):
            process.join(_PATIENCE)  # a process that waits for a dead disk or driver does not die
            link.close()
        self._processes, self._links = [], []

    def sources(self) -> list[Connection | int]:
        """Connections and sentinels that become ready when the worker has news."""
        return [*self._links, *(process.sentinel for process in self._processes)]

    def _check_single_failure(self) -> None:
        """Ends the worker if one process has failed alone, since the others wait for it."""
        failed = [outcome for outcome in self._outcomes.values() if outcome.state is State.FAILED]
        if not failed:
            return
        if self._failed_at is None:
            self._failed_at = time.monotonic()
        if time.monotonic() - self._failed_at > _PATIENCE:
            raise WorkerDied(f'one of its {len(self._links)} processes failed alone: {failed[0].reason}')

    def _cause(self) -> str:
        for process in self._processes:
            process.join(1.0)  # its exit code is set a moment after the link breaks
        codes = [process.exitcode for process in self._processes if process.exitcode is not None]
        return ', '.join(map(_describe_exit, codes)) or 'its link broke'


def _received(link: Connection) -> Iterator[dict]:
    """Messages in the link; it may still hold some of a process that has died."""
    with contextlib.suppress(EOFError, OSError):
        while link.poll():
            yield json.loads(link.recv_bytes())


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f'exit code {code}'
    hint = ', perhaps for lack of memory' if code == -9 else ''  # SIGKILL, by its number since Windows lacks it
    return f'{signal.Signals(-code).name}{hint}'


@contextlib.contextmanager
def _inherited(variables: Mapping[str, str]) -> Iterator[None]:
    """Sets environment variables for a process that is started within."""
    with _environment_lock:
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
