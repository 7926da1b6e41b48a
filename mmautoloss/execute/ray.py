"""Executor with actors in a Ray cluster, each with its own Runner; the only module that imports Ray."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from types import ModuleType
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.execute.devices import share_cores
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.ray_cluster import connect, describe, shares
from mmautoloss.execute.ray_trunks import RayTrunks
from mmautoloss.execute.supervisor import SupervisedExecutor
from mmautoloss.execute.worker import Worker, WorkerDied, WorkerUnprepared, news_of
from mmautoloss.proxy import ProxySettings
from mmautoloss.trial import Outcome, Pulse, Trial

_PATIENCE = 60.0
"""Seconds that a worker waits for resources of the cluster before it takes over the actor of an idle one."""


class RayExecutor(SupervisedExecutor['RayWorker']):
    """One actor per slot, anywhere in a Ray cluster; each keeps its Runner.

    Args:
        settings: How a candidate is evaluated.
        workers: Number of candidates that are trained at the same time.
        threads: CPUs of an actor; by default the CPUs of the nodes are distributed evenly.
        address: The cluster, such as ``auto`` or ``10.0.0.1:6379``. None uses the cluster to which this process is
            connected, or that of ``RAY_ADDRESS``; otherwise it starts one on this machine, which ``close`` ends.
        gpus_per_worker: GPUs of an actor, at most 1; two actors with 0.5 share one GPU. If no node has a GPU, actors train
            on the CPU.
        limits: Time limits of trials and actors.

    Raises:
        SetupError: Ray is not installed, the cluster cannot be reached or has too few resources for the workers, or a
            number is out of range.
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
        self._trunks = RayTrunks(self._ray, settings)
        self._news = threading.Event()

    def close(self) -> None:
        """Stops the actors, and the cluster if it was started here."""
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
        return RayWorker(self._ray, actor, self._settings, name, beat, self._news, self._trunks)

    def _sleep(self, workers: Sequence[RayWorker], seconds: float) -> None:
        self._reassign_idle()
        self._news.wait(seconds)
        self._news.clear()

    def _wake(self) -> None:
        self._news.set()

    def _reassign_idle(self) -> None:
        """Gives an idle actor to a slot whose own cannot start, such as after the cluster has lost a node."""
        started = [(slot, slot.worker) for slot in self._slots if slot.worker]
        waiting = [(slot, worker) for slot, worker in started if slot.job and worker.waited > _PATIENCE]
        idle = [(slot, worker) for slot, worker in started if not slot.job and not worker.waited]
        for (receiver, stuck), (giver, moved) in zip(waiting, idle, strict=False):
            stuck.kill()
            receiver.worker, giver.worker = moved, None
            moved.name, receiver.begun = receiver.pulse.worker, False
            self._wake()


class RayWorker(Worker):
    """An actor.

    Args:
        ray: The library.
        actor: The actor, which perhaps still waits for resources of the cluster.
        settings: Ray's reference to the settings of the evaluator.
        name: Name of the worker.
        beat: Seconds between two requests for its state.
        news: Set when an answer of the actor has arrived.
        trunks: The trunks that trials continue.
    """

    def __init__(
        self,
        ray: ModuleType,
        actor: Any,
        settings: Any,
        name: str,
        beat: float,
        news: threading.Event,
        trunks: RayTrunks,
    ) -> None:
        self.name = name
        self._ray = ray
        self._actor = actor
        self._beat = beat
        self._news = news
        self._trunks = trunks
        self._trial: int | None = None
        self._where = ''
        self._placed = False
        self._unusable = False
        self._since = time.monotonic()
        self._asked = 0.0
        self._pulse: Future[str] | None = None
        self._outcome: Future[tuple[str, bytes]] | None = None
        self._prepared: Future[None] | None = self._call(actor.prepare, settings)

    @property
    def waited(self) -> float:
        """Seconds that the actor has waited for resources; 0 once it has started."""
        return 0.0 if self._placed else time.monotonic() - self._since

    def begin(self, trial: Trial, limit: float | None) -> None:
        """Submits the trial to the actor, which runs it once it is ready."""
        self._trial, self._pulse = trial.number, None
        job = json.dumps({'trial': trial.to_json(), 'limit': limit})
        self._outcome = self._call(self._actor.measure, job, self._trunks.reference(trial))

    def news(self) -> Iterator[Pulse | Outcome]:
        """Pulses of the actor, and its outcome."""
        if self._unusable and self._outcome is None:
            raise WorkerDied('it was spoilt by the trial before')
        if self._prepared is not None and self._prepared.done():
            self._require_prepared(self._prepared)
            self._prepared, self._pulse, self._placed = None, None, True
            yield Pulse(self.name, self._trial, 'idle', where=self._where)  # from now on silence counts
        yield from self._pulses()
        if self._outcome is not None and self._outcome.done():
            answer, self._outcome, self._trial = self._outcome, None, None
            self._pulse = None  # the pending one may still name this trial
            text, trunk = self._take(answer)
            message = json.loads(text)
            self._unusable = message['last']
            outcome = news_of(message)
            if isinstance(outcome, Outcome):
                self._trunks.write(outcome, trunk)
            yield outcome

    def kill(self) -> None:
        """Kills the actor, also one that waits for resources."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._actor, no_restart=True)

    def _pulses(self) -> Iterator[Pulse]:
        if self._pulse is not None and self._pulse.done():
            pulse, self._pulse = self._pulse, None
            # an actor that is briefly unreachable is left to the supervisor's limit of silence
            if not isinstance(pulse.exception(), self._ray.exceptions.ActorUnavailableError):
                fields = json.loads(self._take(pulse))
                self._where, self._placed = fields['where'], True
                yield Pulse(self.name, **{'trial': self._trial, **fields})
        elif not self._placed:
            # waiting for a full cluster is not hanging, so the step must advance
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

    def _require_prepared(self, prepared: Future[None]) -> None:
        try:
            self._take(prepared)
        except WorkerDied as death:
            # an exception of the actor itself; otherwise the actor or its node has died, which may happen at any time
            if isinstance(prepared.exception(), self._ray.exceptions.RayTaskError):
                raise WorkerUnprepared(str(death)) from None
            raise

    def _take(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except self._ray.exceptions.RayError as error:
            raise WorkerDied(describe(error)) from None


def _define_actor(ray: ModuleType) -> Any:
    """The class of the actors, defined in a function so that Ray pickles it by value.

    So an actor answers before it imports this package: one that does not answer has not started yet, and an import that
    fails on the node shows as an error of ``prepare``.
    """

    @ray.remote(max_restarts=0, max_task_retries=0, concurrency_groups={'pulse': 1})
    class MMAutoLossWorker:
        def __init__(self, folder: str, threads: int, on_gpu: bool) -> None:
            # must be set before torch is imported
            os.environ['OMP_NUM_THREADS'] = os.environ['MKL_NUM_THREADS'] = str(threads)
            if not on_gpu:
                os.environ['CUDA_VISIBLE_DEVICES'] = ''
            if os.path.isdir(folder):  # paths of a config may be relative
                os.chdir(folder)
            self._threads = threads
            self._trials: Any = None  # a TrialActor, once prepared

        def prepare(self, settings: Any) -> None:
            from mmautoloss.execute.ray_actor import TrialActor

            self._trials = TrialActor(settings, self._threads)

        def measure(self, job: str, trunk: bytes) -> tuple[str, bytes]:
            return self._trials.measure(job, trunk)

        @ray.method(concurrency_group='pulse')
        def pulse(self) -> str:
            where = f'{platform.node()}:{os.getpid()}'
            return self._trials.pulse() if self._trials else json.dumps({'phase': 'start', 'where': where})

    return MMAutoLossWorker


def _import_ray() -> ModuleType:
    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')  # Ray would send usage statistics
    try:
        import ray
    except ImportError as error:
        raise SetupError(
            f'executor="ray" needs Ray, which cannot be imported here ({error}). Install it: pip install "mmautoloss[ray]"'
        ) from None
    return ray
