"""A candidate that two processes train together scores as one that a single process trains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mmautoloss.engine import spec_of
from mmautoloss.errors import SetupError
from mmautoloss.execute import Limits, LocalExecutor, SerialExecutor
from mmautoloss.proxy import ProxyEvaluator, share_batch
from mmautoloss.testing.toy_searches import toy_config
from mmautoloss.trial import Role, State, Trial, log_name
from tests.test_execute.conftest import DEADLY, GOOD, searched

LIMIT = 240

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('forked_workers')]

MakeLocal = Callable[..., LocalExecutor]


def build(folder: Path, limits: Limits | None = None, **faults: Any) -> LocalExecutor:
    """An executor of one candidate on two processes, which writes logs of trials."""
    (folder / 'trials').mkdir()
    cfg = toy_config(folder, base={'model.plain': True, 'model.faults': {'where': 'exp(', **faults}})
    settings = replace(spec_of(cfg).proxy, trials=str(folder / 'trials'), pictures=2)
    return LocalExecutor(settings, workers=1, threads=1, gpus_per_candidate=2, limits=limits)


@pytest.fixture(scope='module')
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExecutor]:
    """Two processes, of which the first meets NaN in a loss with ``exp``; the start of others is spared."""
    executor = build(tmp_path_factory.mktemp('together'), nan_at=2, rank=0)
    yield executor
    executor.close()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeLocal]:
    """Executors of two processes of which the second fails at a loss with ``exp``."""
    made = []

    def make(**options: Any) -> LocalExecutor:
        made.append(build(tmp_path, rank=1, **options))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


def test_two_processes_score_as_one(together: LocalExecutor) -> None:
    """The same batches, shared out; sums are rounded in another order, nothing else."""
    alone = SerialExecutor(ProxyEvaluator(replace(together.settings, trials='')))
    trials = [Trial(0, Role.BASELINE, 0), searched(GOOD), Trial(2, Role.BASELINE, 5), searched(GOOD)]
    pairs = [(alone.submit(trial).result(), together.submit(trial).result(LIMIT)) for trial in trials]
    for one, two in pairs:
        assert one.state is two.state is State.COMPLETE
        assert two.metrics == pytest.approx(one.metrics, rel=1e-5)
    assert len({one.score for one, _ in pairs}) == 3, 'the trials differ'
    assert pairs[1][1].score == pairs[3][1].score, 'and nothing is left of those before'
    alone.evaluator.close()


def test_log_of_the_trial_is_that_of_the_first_process(together: LocalExecutor) -> None:
    assert together.submit(searched(GOOD, 3)).result(LIMIT).state is State.COMPLETE
    text = (Path(together.settings.trials).parent / log_name(3)).read_text()
    assert text.count('trial 3, search') == 1 and text.count('complete after') == 1


def test_nan_of_the_first_process_stops_both_and_they_go_on(together: LocalExecutor) -> None:
    assert_nan_stops_both(together)


def test_nan_of_the_second_process_stops_both_and_they_go_on(make: MakeLocal) -> None:
    assert_nan_stops_both(make(nan_at=2))


def assert_nan_stops_both(executor: LocalExecutor) -> None:
    failed = executor.submit(searched(DEADLY)).result(LIMIT)
    assert failed.state is State.FAILED and failed.attempts == 1, 'no worker was lost'
    assert failed.reason.startswith('not finite: ') and failed.reason.endswith('in iteration 3')
    assert executor.submit(searched(GOOD)).result(LIMIT).state is State.COMPLETE


def test_exception_of_one_process_does_not_leave_the_other_waiting(
    make: MakeLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('mmautoloss.execute.local._PATIENCE', 1.0)
    executor = make(limits=Limits(retries=0), fail_at=2)
    failed = executor.submit(searched(DEADLY)).result(LIMIT)
    assert failed.state is State.FAILED
    assert 'the toy fails in iteration 2' in failed.reason
    assert executor.submit(searched(GOOD)).result(LIMIT).state is State.COMPLETE


def test_batch_that_cannot_be_shared_is_refused_before_work(tmp_path: Path) -> None:
    assert (share_batch({'batch_size': 6}, 2), share_batch({'batch_size': 5}, 1)) == (3, 5)
    cfg = toy_config(tmp_path, {'execute.gpus_per_candidate': 3})
    with pytest.raises(SetupError, match='batch_size that 3 processes can share, but got 4'):
        spec_of(cfg)
