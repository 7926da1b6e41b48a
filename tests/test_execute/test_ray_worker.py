"""What a worker on Ray makes of the answers of its actor, without a cluster: here Ray is a few objects in its place."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('mmengine')

from mmautoloss.execute.ray import RayWorker
from mmautoloss.execute.ray_actor import TrialActor
from mmautoloss.execute.ray_trunks import RayTrunks
from mmautoloss.execute.worker import WorkerDied, WorkerSpoilt, WorkerUnprepared
from mmautoloss.testing.toy_trials import GOOD, make_trial, toy_settings
from mmautoloss.trial import Outcome, Pulse, State, outcome_to_json


class RayError(Exception):
    """Of the library itself."""


class RayTaskError(RayError):
    """Of the code of an actor."""


class ActorUnavailableError(RayError):
    """Of an actor that is not reached for a while."""


RAY: Any = SimpleNamespace(
    exceptions=SimpleNamespace(
        RayError=RayError, RayTaskError=RayTaskError, ActorUnavailableError=ActorUnavailableError
    )
)


def method(function: Callable[..., Any]) -> Any:
    """A method of an actor, which answers at once."""

    def remote(*arguments: Any) -> Any:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments))
        except RayError as error:
            future.set_exception(error)
        return SimpleNamespace(future=lambda: future)

    return SimpleNamespace(remote=remote)


def worker_of(folder: Path, **answers: Callable[..., Any]) -> RayWorker:
    def pulse() -> str:
        return json.dumps({'phase': 'idle', 'step': 0, 'where': 'here:1'})

    methods = {'prepare': lambda settings: None, 'pulse': pulse, **answers}
    actor = SimpleNamespace(**{name: method(function) for name, function in methods.items()})
    trunks = RayTrunks(RAY, toy_settings(folder))
    return RayWorker(RAY, actor, None, 'ray-0', 0.0, threading.Event(), trunks)


def answer(outcome: Outcome, *, last: bool = False, spoilt: bool = False) -> Callable[..., tuple[str, bytes]]:
    message = {'outcome': outcome_to_json(outcome), 'last': last, 'spoilt': spoilt}
    return lambda job, trunk: (json.dumps(message), b'')


def outcomes(worker: RayWorker) -> list[Outcome]:
    worker.begin(make_trial(GOOD, 0), None)
    return [news for news in worker.news() if not isinstance(news, Pulse)]


def test_an_actor_that_has_had_its_last_trial_is_replaced_before_the_next(tmp_path: Path) -> None:
    """Its trial counts; the one after it begins in another actor, as its first attempt."""
    done = Outcome(State.COMPLETE, 0.5)
    worker = worker_of(tmp_path, measure=answer(done, last=True))
    assert outcomes(worker) == [done]
    with pytest.raises(WorkerDied, match='spoilt by the trial before'):
        list(worker.news())
    lasting = worker_of(tmp_path, measure=answer(done))
    assert outcomes(lasting) == [done] == outcomes(lasting) and all(isinstance(n, Pulse) for n in lasting.news())


def test_a_failure_of_the_device_is_told_from_one_of_the_trial(tmp_path: Path) -> None:
    failed = Outcome(State.FAILED, None, reason='CUDA error: an illegal memory access was encountered')
    assert outcomes(worker_of(tmp_path, measure=answer(failed))) == [failed]
    with pytest.raises(WorkerSpoilt, match='illegal memory access'):
        outcomes(worker_of(tmp_path, measure=answer(failed, last=True, spoilt=True)))


def test_an_actor_that_cannot_prepare_is_told_from_one_that_is_lost(tmp_path: Path) -> None:
    def fails(kind: type[Exception]) -> Callable[..., None]:
        def prepare(settings: Any) -> None:
            raise kind('the device does not work')

        return prepare

    with pytest.raises(WorkerUnprepared, match='the device does not work'):
        list(worker_of(tmp_path, prepare=fails(RayTaskError)).news())
    with pytest.raises(WorkerDied) as caught:
        list(worker_of(tmp_path, prepare=fails(RayError)).news())
    assert not isinstance(caught.value, WorkerUnprepared)


def test_an_actor_answers_what_its_worker_reads(tmp_path: Path) -> None:
    """The two halves, which a cluster keeps apart."""
    actor = TrialActor(toy_settings(tmp_path), threads=1)
    worker = worker_of(tmp_path, measure=actor.measure, pulse=actor.pulse)
    [outcome] = outcomes(worker)
    assert outcome.state is State.COMPLETE and outcome.score is not None
    actor._evaluator.broken = True
    assert outcomes(worker)[0].score == outcome.score
    with pytest.raises(WorkerDied):
        list(worker.news())
