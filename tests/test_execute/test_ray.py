"""Actors of Ray keep the contract of executors, on this machine and on a cluster whose nodes die."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip('mmengine')
pytest.importorskip('ray', reason='Ray is not installed: pip install "mmautoloss[ray]"')

from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor, Limits
from mmautoloss.execute.cluster import shares
from mmautoloss.execute.ray import RayExecutor
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.executor_suite import BAD, FAULTY, GOOD, ExecutorSuite, finish, make_trial, toy_settings
from mmautoloss.trial import Outcome, Pulse, State
from tests.test_search.processes import descendants, is_alive, wait_for

LIMIT = 240
QUICK = Limits(silence=6.0, stall=30.0)

linux = pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')


@pytest.mark.slow
@linux
class TestRayExecutor(ExecutorSuite):
    """On a cluster of its own on this machine."""

    def build(self, settings: ProxySettings, slots: int) -> Executor:
        return RayExecutor(settings, workers=slots, threads=1, limits=QUICK)

    def test_close_ends_everything_and_may_be_called_again(self, executor: Executor) -> None:
        # other children, such as the resource tracker of multiprocessing, live as long as this process
        below = [pid for pid in descendants(os.getpid()) if 'ray' in Path(f'/proc/{pid}/cmdline').read_text()]
        assert len(below) > 2
        super().test_close_ends_everything_and_may_be_called_again(executor)
        wait_for(lambda: not any(map(is_alive, below)), seconds=60)


@pytest.fixture(scope='module')
def cluster() -> Iterator[Any]:
    """Two nodes on this machine, of one CPU each; the second says that it has a GPU."""
    import ray
    from ray.cluster_utils import Cluster

    os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
    small = {'num_cpus': 1, 'include_dashboard': False, 'object_store_memory': 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**small, 'num_gpus': 0})
    cluster.other = cluster.add_node(**{**small, 'num_cpus': 2, 'num_gpus': 1})
    yield cluster
    ray.shutdown()
    cluster.shutdown()


MakeRay = Callable[..., RayExecutor]


@pytest.fixture
def make(cluster: Any, tmp_path: Path) -> Iterator[MakeRay]:
    """Executors on the cluster; a loss with tanh is slow."""
    made = []

    def build(workers: int = 1, each: float = 0.0, limits: Limits = QUICK, **faults: Any) -> RayExecutor:
        settings = toy_settings(tmp_path, **{'slow': 0.5, 'where': FAULTY, **faults})
        made.append(RayExecutor(settings, workers, 1, cluster.address, each, limits))
        return made[-1]

    yield build
    for executor in made:
        executor.close()


@pytest.fixture
def undisturbed(tmp_path: Path) -> Outcome:
    """The outcome of the slow trial where nothing happens, and nothing is slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    evaluator = ProxyEvaluator(toy_settings(tmp_path))
    outcome = evaluator.evaluate(make_trial(BAD, 1))
    evaluator.close()
    torch.set_num_threads(threads)
    return outcome


def train_all(executor: RayExecutor) -> list[Future[Outcome]]:
    """Slow trials on all workers, at the same time since their models are built before."""
    finish(executor, [executor.submit(make_trial(GOOD, number)) for number in range(executor.slots)])
    futures = [executor.submit(make_trial(BAD, number)) for number in range(executor.slots)]
    wait_for(lambda: [pulse.phase for pulse in executor.pulses()] == ['train'] * executor.slots, LIMIT)
    return futures


def find(executor: RayExecutor, *phases: str) -> Pulse | None:
    return next((pulse for pulse in executor.pulses() if pulse.phase in phases), None)


def pid_of(pulse: Pulse) -> int:
    return int(pulse.where.split()[0].rpartition(':')[2])


@pytest.mark.slow
@linux
def test_actor_that_is_killed_costs_an_attempt_and_nothing_else(make: MakeRay, undisturbed: Outcome) -> None:
    executor = make(slow=0.3)
    future = executor.submit(make_trial(BAD, 1))
    wait_for(lambda: find(executor, 'train') is not None, LIMIT)
    os.kill(pid_of(find(executor, 'train')), signal.SIGKILL)
    struck = future.result(LIMIT)
    assert (struck.state, struck.attempts) == (State.COMPLETE, 2)
    assert (struck.score, struck.metrics) == (undisturbed.score, undisturbed.metrics)


@pytest.mark.slow
@linux
def test_actor_that_is_frozen_is_killed(make: MakeRay, tmp_path: Path) -> None:
    marker = tmp_path / 'struck'
    # not before a pulse of the training was heard: models are given ten minutes to be built
    executor = make(slow=0.5, freeze_at=5, once=str(marker))
    future = executor.submit(make_trial(BAD, 1))
    wait_for(marker.exists, LIMIT)
    frozen = pid_of(executor.pulses()[0])
    outcome = future.result(LIMIT)
    assert (outcome.state, outcome.attempts) == (State.COMPLETE, 2)
    wait_for(lambda: not is_alive(frozen), 60)


@pytest.mark.slow
def test_two_workers_share_a_gpu(make: MakeRay) -> None:
    """Ray counts the GPU; that there is none makes both train on the CPU."""
    executor = make(workers=2, each=0.5)
    assert (executor.gpus, executor.threads) == (0.5, 1)
    futures = train_all(executor)
    assert {pulse.where.partition(' ')[2] for pulse in executor.pulses()} == {'GPU 0'}
    first, second = finish(executor, futures)
    assert first.state is State.COMPLETE and first.score == second.score


@pytest.mark.slow
def test_more_than_the_cluster_has_is_refused(make: MakeRay) -> None:
    message = r'4 workers with 1 CPU\(s\) and 0 GPU\(s\) each do not fit .* 2 CPUs and 1 GPUs'
    with pytest.raises(SetupError, match=message):
        make(workers=4)
    import ray

    assert not ray.is_initialized(), 'and the connection is given back'


@pytest.mark.slow
def test_package_travels_and_folder_of_the_search_is_entered(
    make: MakeRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.chdir(tmp_path)
    executor = make(fail_at=0, once='struck')
    assert executor.submit(make_trial(BAD, 1)).result(LIMIT).reason.endswith('the toy fails in iteration 0\n')
    assert (tmp_path / 'struck').exists(), 'a path of the config was relative'

    def look() -> str:
        import mmautoloss

        return mmautoloss.__file__

    assert 'py_modules' in ray.get(ray.remote(look).options(num_cpus=0).remote())


@pytest.mark.slow
def test_signals_of_the_search_are_left_alone(make: MakeRay) -> None:
    """Ray would take SIGTERM over."""
    before = signal.signal(signal.SIGTERM, handler := lambda *_: None)
    try:
        make()
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
@linux
def test_node_that_dies(make: MakeRay, undisturbed: Outcome, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last test of the cluster. Where no room is left, a worker that has nothing to do takes the trial."""
    monkeypatch.setattr('mmautoloss.execute.ray._PATIENCE', 2.0)
    executor = make(workers=3)
    futures = train_all(executor)
    cluster.remove_node(cluster.other, allow_graceful=False)
    outcomes = finish(executor, futures)
    assert [outcome.state for outcome in outcomes] == [State.COMPLETE] * 3
    assert sorted(outcome.attempts for outcome in outcomes) == [1, 2, 2]
    assert {outcome.score for outcome in outcomes} == {undisturbed.score}


def test_shares_of_a_cluster() -> None:
    cpus, gpus = {'CPU': 8.0}, {'CPU': 64.0, 'GPU': 4.0}
    assert shares([cpus], 3, None, 1) == (2, 0.0)
    assert shares([cpus, cpus], 4, None, 1) == (4, 0.0)
    assert shares([cpus, {'CPU': 3.0}], 2, None, 1) == (4, 0.0), 'more than the even share of a node'
    assert shares([cpus, gpus], 8, None, 0.5) == (8, 0.5), 'only where GPUs are'
    assert shares([gpus], 8, 2, 0.4) == (2, 0.4)
    with pytest.raises(SetupError, match=r'9 workers with 2 CPU\(s\) and 0.4 GPU\(s\) .* 64 CPUs and 4 GPUs'):
        shares([gpus], 9, 2, 0.4)
    with pytest.raises(SetupError, match='5 workers with 1 CPU'):
        shares([gpus, cpus], 5, None, 1)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'workers': 0}, 'at least 1, but got 0 and None'),
        ({'threads': 0}, 'at least 1, but got 1 and 0'),
        ({'gpus_per_worker': 1.5}, 'from 0 to 1, but got 1.5'),
        ({'address': '127.0.0.1:1'}, 'No Ray cluster answers at 127.0.0.1:1 .*ray start --head --port=1'),
        ({'address': 'nonsense'}, "Ray cannot be used at 'nonsense'"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    begun = time.monotonic()
    with pytest.raises(SetupError, match=message):
        RayExecutor(toy_settings(tmp_path), **{'workers': 1, **options})
    assert time.monotonic() - begun < 60, 'Ray itself would try for minutes'


def test_without_ray_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'ray', None)
    with pytest.raises(SetupError, match=r'pip install "mmautoloss\[ray\]"'):
        RayExecutor(toy_settings(tmp_path), workers=1)
