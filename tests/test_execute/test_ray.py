"""Actors of Ray keep the contract of executors, on this machine and on a cluster whose nodes die."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip('mmengine')
pytest.importorskip('ray', reason='Ray is not installed: pip install "mmautoloss[ray]"')

from mmautoloss.errors import SetupError
from mmautoloss.execute import Executor, Limits
from mmautoloss.execute.ray import RayExecutor
from mmautoloss.execute.ray_cluster import shares
from mmautoloss.proxy import ProxyEvaluator, ProxySettings
from mmautoloss.testing.executor_suite import ExecutorSuite
from mmautoloss.testing.toy_trials import BAD, FAULTY, GOOD, finish, make_trial, toy_settings
from mmautoloss.trial import Outcome, Pulse, State
from tests.test_search.processes import descendants, is_alive, wait_for

LIMIT = 240

linux = pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')


def _is_of_ray(pid: int) -> bool:
    command = Path(f'/proc/{pid}/cmdline').read_text()
    return 'ray' in command and 'forkserver' not in command and 'resource_tracker' not in command


@pytest.mark.slow
@linux
class TestRayExecutor(ExecutorSuite):
    """On a cluster of its own on this machine."""

    def build(self, settings: ProxySettings, slots: int) -> Executor:
        return RayExecutor(settings, workers=slots, threads=1)

    def test_close_ends_everything_and_may_be_called_again(self, executor: Executor) -> None:
        # other children, such as the fork server of multiprocessing, which names modules, live as long as this process
        below = [pid for pid in descendants(os.getpid()) if _is_of_ray(pid)]
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

    def build(workers: int = 1) -> RayExecutor:
        settings = toy_settings(tmp_path, slow=0.5, where=FAULTY)
        made.append(RayExecutor(settings, workers, 1, cluster.address, 0.0))
        return made[-1]

    yield build
    for executor in made:
        executor.close()


@pytest.fixture(scope='module')
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The outcome of the slow trial where nothing happens, and nothing is slow."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    evaluator = ProxyEvaluator(toy_settings(tmp_path_factory.mktemp('undisturbed')))
    outcome = evaluator.evaluate(make_trial(BAD, 1))
    evaluator.close()
    torch.set_num_threads(threads)
    return outcome


def find(executor: RayExecutor, *phases: str) -> Pulse | None:
    return next((pulse for pulse in executor.pulses() if pulse.phase in phases), None)


@dataclass(frozen=True)
class Pair:
    """Two workers that share a GPU, with their models built.

    Attributes:
        executor: Their executor.
        folder: Where the search was started.
        failed: Outcome of the first slow trial, whose training raises.
    """

    executor: RayExecutor
    folder: Path
    failed: Outcome

    def strike(self, signum: int) -> tuple[int, Outcome]:
        """Sends a signal to the actor that trains a slow trial; gives its process and what comes of the trial."""
        future = self.executor.submit(make_trial(BAD, 1))
        wait_for(lambda: future.done() or find(self.executor, 'train') is not None, LIMIT)
        pid = int(find(self.executor, 'train').where.split()[0].rpartition(':')[2])
        os.kill(pid, signum)
        return pid, future.result(LIMIT)


@pytest.mark.slow
class TestTwoWorkers:
    """On the cluster; all tests share the actors, whose start takes longer than what is tested."""

    @pytest.fixture(scope='class')
    @classmethod
    def pair(cls, cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
        folder = tmp_path_factory.mktemp('pair')
        faults = {'slow': 0.5, 'where': FAULTY, 'fail_at': 0, 'once': 'struck'}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            executor = RayExecutor(toy_settings(folder, **faults), 2, 1, cluster.address, 0.5)
            failed, _ = finish(executor, [executor.submit(make_trial(genome, 0)) for genome in (BAD, GOOD)])
            yield Pair(executor, folder, failed)
            executor.close()

    def test_they_share_a_gpu(self, pair: Pair) -> None:
        """Ray counts the GPU; that there is none makes both train on the CPU."""
        executor = pair.executor
        assert (executor.gpus, executor.threads) == (0.5, 1)
        first, second = finish(executor, [executor.submit(make_trial(GOOD, number)) for number in range(2)])
        assert first.state is State.COMPLETE and first.score == second.score
        wait_for(lambda: [pulse.where.partition(' ')[2] for pulse in executor.pulses()] == ['GPU 0'] * 2, 60)

    def test_package_travels_and_folder_of_the_search_is_entered(self, pair: Pair) -> None:
        import ray

        assert pair.failed.reason.endswith('the toy fails in iteration 0\n')
        assert (pair.folder / 'struck-fail').exists(), 'a path of the config was relative'

        def look() -> str:
            import mmautoloss

            return mmautoloss.__file__

        assert 'py_modules' in ray.get(ray.remote(look).options(num_cpus=0).remote())

    @linux
    def test_actor_that_is_frozen_is_killed_which_costs_an_attempt_and_nothing_else(
        self, pair: Pair, undisturbed: Outcome, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Actors that others kill are those of ``test_node_that_dies``."""
        # a busy machine may lose an actor more
        monkeypatch.setattr(pair.executor, 'limits', Limits(silence=6.0, stall=30.0, retries=9))
        frozen, outcome = pair.strike(signal.SIGSTOP)
        assert outcome.state is State.COMPLETE and outcome.attempts >= 2
        assert (outcome.score, outcome.metrics) == (undisturbed.score, undisturbed.metrics)
        wait_for(lambda: not is_alive(frozen), 60)


@pytest.mark.slow
def test_more_than_the_cluster_has_is_refused(make: MakeRay) -> None:
    message = r'4 workers with 1 CPU\(s\) and 0 GPU\(s\) each do not fit .* 2 CPUs and 1 GPUs'
    with pytest.raises(SetupError, match=message):
        make(workers=4)
    import ray

    assert not ray.is_initialized(), 'and the connection is given back'


@pytest.mark.slow
@linux
def test_node_that_dies(make: MakeRay, undisturbed: Outcome, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last test of the cluster. Where no room is left, a worker that has nothing to do takes the trial."""
    monkeypatch.setattr('mmautoloss.execute.ray._PATIENCE', 2.0)
    handler = signal.getsignal(signal.SIGTERM)
    executor = make(workers=3)
    assert signal.getsignal(signal.SIGTERM) is handler, 'Ray would take it over'
    # they train at the same time since their models are built before
    finish(executor, [executor.submit(make_trial(GOOD, number)) for number in range(3)])
    futures = [executor.submit(make_trial(BAD, number)) for number in range(3)]
    wait_for(lambda: [pulse.phase for pulse in executor.pulses()] == ['train'] * 3, LIMIT)
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
