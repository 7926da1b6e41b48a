"""Measuring in actors of a Ray cluster, each with a Runner of its own; the only file that knows Ray."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from types import ModuleType
from typing import Any

import torch

from mmautoloss.errors import SetupError
from mmautoloss.execute.cluster import connect, describe, shares
from mmautoloss.execute.devices import share_cores
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.supervisor import SupervisedExecutor
from mmautoloss.execute.worker import Worker, WorkerDied
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.trial import Outcome, Pulse, Trial, outcome_from_json, outcome_to_json

_PATIENCE = 60.0
"""Seconds that a worker waits for room in the cluster before it takes the actor of one that has nothing to do."""


class RayExecutor(SupervisedExecutor['RayWorker']):
    """One actor a slot, anywhere in a Ray cluster; each keeps its Runner.

    Args:
        settings: How a candidate is measured.
        workers: Number of candidates that are trained at the same time.
        threads: CPUs of an actor; by default as many as the nodes have for each.
        address: The cluster, such as ``auto`` or ``10.0.0.1:6379``. None takes the one that this process is connected to
            or that ``RAY_ADDRESS`` names; where there is none, one is started on this machine, and ended by ``close``.
        gpus_per_worker: GPUs of an actor, at most 1; two with 0.5 share one. Where no node has a GPU, actors train
            on the CPU.
        limits: How long to wait for an actor.

    Raises:
        SetupError: Ray is not installed, the cluster cannot be reached or has no room for so many workers, or a number
            cannot be.
    """

    def __init__(
        self,
        settings: ProxySettings,
        workers: int,
        threads: int | None = None,
        address: str | None = None,
        gpus_per_worker: float = 1.0,
        limits: Limits | None = None,
    ) -> None:
        if workers < 1 or (threads is not None and threads < 1):
            raise SetupError(f'workers and threads must be at least 1, but got {workers} and {threads}.')
        if not 0 <= gpus_per_worker <= 1:
            raise SetupError(f'With Ray, GPUs of a worker are from 0 to 1, but got {gpus_per_worker}.')
        super().__init__(workers, limits, prefix='ray')
        self._ray = _import_ray()
        self._connected = connect(self._ray, address, (threads or share_cores(workers)) * workers)
        try:
            nodes = [node['Resources'] for node in self._ray.nodes() if node['Alive']]
            self.threads, self.gpus = shares(nodes, workers, threads, gpus_per_worker)
        except BaseException:
            self._disconnect()
            raise
        self._actor = _define_actor(self._ray)
        self._settings = self._ray.put(settings)
        self._news = threading.Event()

    def close(self) -> None:
        """Ends the actors, and the cluster if it was started here."""
        super().close()
        self._disconnect()

    def _disconnect(self) -> None:
        connected, self._connected = self._connected, False
        if connected:
            self._ray.shutdown()

    def _start(self, index: int, name: str) -> RayWorker:
        options = {'num_cpus': self.threads, 'num_gpus': self.gpus, 'scheduling_strategy': 'SPREAD'}
        actor = self._actor.options(**options).remote(os.getcwd(), self.threads, bool(self.gpus))
        beat = min(1.0, self.limits.silence / 4)
        return RayWorker(self._ray, actor, self._settings, name, beat, self._news)

    def _sleep(self, workers: Sequence[RayWorker], seconds: float) -> None:
        self._lend()
        self._news.wait(seconds)
        self._news.clear()

    def _wake(self) -> None:
        self._news.set()

    def _lend(self) -> None:
        """A cluster that lost a node may have no room for a new actor: then one with nothing to do takes the trial."""
        there = [(slot, slot.worker) for slot in self._slots if slot.worker]
        waiting = [(slot, worker) for slot, worker in there if slot.job and worker.waited > _PATIENCE]
        idle = [(slot, worker) for slot, worker in there if not slot.job and not worker.waited]
        for (needy, stuck), (lender, lent) in zip(waiting, idle, strict=False):
            stuck.kill()
            needy.worker, lender.worker = lent, None
            lent.name, needy.begun = needy.pulse.worker, False
            self._wake()


class RayWorker(Worker):
    """An actor.

    Args:
        ray: The library.
        actor: The actor, which perhaps still waits for room in the cluster.
        settings: Where Ray has the settings of the evaluator.
        name: Name of the worker.
        beat: Seconds between two questions what it does.
        news: Set when there is an outcome.
    """

    def __init__(
        self, ray: ModuleType, actor: Any, settings: Any, name: str, beat: float, news: threading.Event
    ) -> None:
        self.name = name
        self._ray = ray
        self._actor = actor
        self._beat = beat
        self._news = news
        self._trial: int | None = None
        self._where = ''
        self._placed = False
        self._since = time.monotonic()
        self._asked = 0.0
        self._pulse: Future[str] | None = None
        self._outcome: Future[str] | None = None
        self._prepared: Future[None] | None = self._call(actor.prepare, settings)

    @property
    def waited(self) -> float:
        """Seconds that the actor has waited for a place; 0 once it has one."""
        return 0.0 if self._placed else time.monotonic() - self._since

    def begin(self, trial: Trial, limit: float | None) -> None:
        """Hands the trial to the actor, which takes it when it is ready."""
        self._trial, self._pulse = trial.number, None
        self._outcome = self._call(self._actor.measure, json.dumps({'trial': trial.to_json(), 'limit': limit}))

    def news(self) -> Iterator[Pulse | Outcome]:
        """What the actor does, and its outcome."""
        if self._prepared is not None and self._prepared.done():
            self._take(self._prepared)
            self._prepared, self._pulse, self._placed = None, None, True
            yield Pulse(self.name, self._trial, 'idle', where=self._where)  # from now on silence counts
        yield from self._pulses()
        if self._outcome is not None and self._outcome.done():
            outcome, self._outcome, self._trial = self._outcome, None, None
            self._pulse = None  # it may tell of this trial yet
            yield outcome_from_json(json.loads(self._take(outcome)))

    def kill(self) -> None:
        """Ends the actor at once, also one that waits for room."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._actor, no_restart=True)

    def _pulses(self) -> Iterator[Pulse]:
        if self._pulse is not None and self._pulse.done():
            pulse, self._pulse = self._pulse, None
            # where it is out of reach for a moment, silence is the supervisor's business
            if not isinstance(pulse.exception(), self._ray.exceptions.ActorUnavailableError):
                fields = json.loads(self._take(pulse))
                self._where, self._placed = fields['where'], True
                yield Pulse(self.name, **{'trial': self._trial, **fields})
        elif not self._placed:
            # a full cluster is no hung worker, so something must be seen to go on
            yield Pulse(
                self.name, self._trial, 'start', int(self.waited / 10), where='waits for a place in the cluster'
            )
        if self._pulse is None and time.monotonic() - self._asked >= self._beat:
            self._asked = time.monotonic()
            self._pulse = self._call(self._actor.pulse)

    def _call(self, method: Any, *arguments: Any) -> Future[Any]:
        try:
            future = method.remote(*arguments).future()
        except self._ray.exceptions.RayError as error:
            raise WorkerDied(describe(error)) from None
        future.add_done_callback(lambda _: self._news.set())
        return future

    def _take(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except self._ray.exceptions.RayError as error:
            raise WorkerDied(describe(error)) from None


class TrialActor:
    """The inside of an actor.

    Args:
        settings: How a candidate is measured.
        threads: Threads on the CPU.
    """

    def __init__(self, settings: ProxySettings, threads: int) -> None:
        # the start method that a config sets is that of its data loaders
        warnings.filterwarnings('ignore', message='Multi-processing start method')
        self._evaluator = ProxyEvaluator(settings)
        self._threads = threads
        self._trial: int | None = None
        gpus = os.environ.get('CUDA_VISIBLE_DEVICES')
        self._where = f'{platform.node()}:{os.getpid()}' + (f' GPU {gpus}' if gpus else '')

    def measure(self, job: str) -> str:
        """The outcome of a trial; both are JSON."""
        if not torch.cuda.is_available():
            torch.set_num_threads(self._threads)  # counts for this thread alone
        if self._evaluator.spent:
            os._exit(1)  # the supervisor gives the trial to an actor that begins anew
        given = json.loads(job)
        self._trial = given['trial']['number']
        try:
            outcome = self._evaluator.evaluate(Trial.from_json(given['trial']), given['limit'])
        finally:
            self._trial = None
        return json.dumps(outcome_to_json(outcome))

    def pulse(self) -> str:
        """What is done just now, as JSON; called in another thread."""
        progress = self._evaluator.progress
        fields = {'trial': self._trial, 'phase': progress.phase, 'step': progress.step, 'where': self._where}
        return json.dumps(fields)


def _define_actor(ray: ModuleType) -> Any:
    """The class of the actors; made here, so that Ray hands it over by value.

    Thus an actor answers before it imports anything: what does not answer yet has no place in the cluster. And what the
    node lacks shows as an error of ``prepare``.
    """

    @ray.remote(max_restarts=0, max_task_retries=0, concurrency_groups={'pulse': 1})
    class MMAutoLossWorker:
        def __init__(self, folder: str, threads: int, on_gpu: bool) -> None:
            # before torch is imported
            os.environ['OMP_NUM_THREADS'] = os.environ['MKL_NUM_THREADS'] = str(threads)
            if not on_gpu:
                os.environ['CUDA_VISIBLE_DEVICES'] = ''
            if os.path.isdir(folder):  # paths of a config may be relative
                os.chdir(folder)
            self._threads = threads
            self._trials: Any = None  # until it is prepared; the class is not known here

        def prepare(self, settings: Any) -> None:
            from mmautoloss.execute.ray import TrialActor

            self._trials = TrialActor(settings, self._threads)

        def measure(self, job: str) -> str:
            return self._trials.measure(job)

        @ray.method(concurrency_group='pulse')
        def pulse(self) -> str:
            where = f'{platform.node()}:{os.getpid()}'
            return self._trials.pulse() if self._trials else json.dumps({'phase': 'start', 'where': where})

    return MMAutoLossWorker


def _import_ray() -> ModuleType:
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # Ray would report home
    try:
        import ray
    except ImportError as error:
        raise SetupError(
            f'executor="ray" needs Ray, which cannot be imported here ({error}). Install it: pip install "mmautoloss[ray]"'
        ) from None
    return ray
