"""GPUs and cores are shared out among workers."""

from __future__ import annotations

import pytest

from mmautoloss.errors import SetupError
from mmautoloss.execute import ExecuteSettings, SerialExecutor
from mmautoloss.execute.devices import share_gpus, visible_gpus
from mmautoloss.execute.worker_process import WorkerIdentity


@pytest.mark.parametrize(
    ('variable', 'count', 'gpus'),
    [
        (None, 3, ('0', '1', '2')),
        (None, 0, ()),
        ('2,3', 2, ('2', '3')),
        ('GPU-5f, GPU-77', 2, ('GPU-5f', 'GPU-77')),
        ('', 0, ()),
        ('-1', 0, ()),
        ('0,1', 0, ()),
    ],
)
def test_visible_gpus(variable: str | None, count: int, gpus: tuple, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('torch.cuda.device_count', lambda: count)
    monkeypatch.setattr('torch.cuda.is_available', lambda: count > 0)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if variable is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', variable)
    assert visible_gpus() == gpus


def test_each_worker_has_gpus_of_its_own_while_they_last() -> None:
    four = ('0', '1', '2', '3')
    assert share_gpus(four, 4) == [('0',), ('1',), ('2',), ('3',)]
    assert share_gpus(four, 2, 2) == [('0', '1'), ('2', '3')]
    assert share_gpus(('0', '1', '2'), 1, 2) == [('0', '1')], 'a pair of one GPU twice would not work'
    assert share_gpus((), 3, 2) == [()] * 3, 'processes on the CPU'


def test_workers_share_a_gpu_only_where_that_is_asked_for() -> None:
    four = ('0', '1', '2', '3')
    assert share_gpus(four, 8, 0.5) == [(gpu,) for gpu in four] * 2
    assert share_gpus(four, 2, 0.5) == [('0',), ('1',)], 'not before all have one'
    assert share_gpus(('0',), 3, 0.333) == [('0',)] * 3


@pytest.mark.parametrize(
    ('gpus', 'workers', 'each', 'message'),
    [
        ('01', 1, 3, r'gpus_per_candidate is 3, but this machine shows 2 GPU\(s\): 0, 1'),
        (
            '0123',
            8,
            1,
            r'8 workers with 1 GPU\(s\) each need more.* 4 GPU\(s\).*0, 1, 2, 3.*at most 4 .*set .* to 0\.5',
        ),
        ('012', 2, 2, r'2 workers with 2 GPU\(s\) each need more than the 3 GPU\(s\).*Ask for at most 1 '),
        ('01', 9, 0.5, r'9 workers with 0\.5 .* at most 4 worker\(s\).* 5 of them .* to 0\.2\.'),
        ('', 2, 0.5, r'gpus_per_candidate=0\.5 is a share of a GPU, but there is none'),
    ],
)
def test_too_few_gpus_are_refused(gpus: str, workers: int, each: float, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        share_gpus(tuple(gpus), workers, each)


@pytest.mark.parametrize('count', [1, 2, 3, 4, 8])
def test_remedy_works(count: int) -> None:
    """The share that an error names is enough for as many workers."""
    gpus = tuple(map(str, range(count)))
    for workers in range(count + 1, 5 * count):
        with pytest.raises(SetupError) as error:
            share_gpus(gpus, workers)
        share = float(str(error.value).rpartition(' ')[2].rstrip('.'))
        assert len(share_gpus(gpus, workers, share)) == workers


def test_environment_of_a_process() -> None:
    place = WorkerIdentity('local-1', rank=1, ranks=2, gpus=('2', '3'), threads=4, port=999, beat=1.0)
    assert place.environment == {
        'OMP_NUM_THREADS': '4',
        'MKL_NUM_THREADS': '4',
        'CUDA_VISIBLE_DEVICES': '2,3',
        'RANK': '1',
        'LOCAL_RANK': '1',
        'WORLD_SIZE': '2',
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': '999',
    }
    alone = place._replace(rank=0, ranks=1, gpus=())
    assert set(alone.environment) == {'OMP_NUM_THREADS', 'MKL_NUM_THREADS'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'executor': 'dask'}, "executor must be one of local, ray.* but got 'dask'"),
        ({'workers': 0}, 'workers and execute.threads must be at least 1'),
        ({'workers': 10**20}, 'execute.workers must be at most 10000, but got 100000000000000000000'),
        ({'heartbeat': 0}, 'heartbeat positive'),
        ({'ray_address': 'auto'}, "needs executor='ray'"),
        ({'gpus_per_candidate': 1.5}, 'must be a whole number'),
        ({'gpus_per_candidate': 2, 'executor': 'ray'}, 'with Ray a candidate trains on one GPU'),
        ({'silence': 0}, 'execute.silence must be positive'),
    ],
)
def test_settings_that_cannot_work(options: dict, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        ExecuteSettings(**options)


@pytest.mark.parametrize(
    ('options', 'in_driver'),
    [
        ({}, True),
        ({'workers': 2}, False),
        ({'isolate': True}, False),
        ({'gpus_per_candidate': 0.5}, True),
        ({'gpus_per_candidate': 2}, False),
        ({'executor': 'ray'}, False),
    ],
)
def test_who_trains_in_the_driver(options: dict, in_driver: bool) -> None:
    assert ExecuteSettings(**options).in_driver is in_driver


def test_evaluator_that_is_there_is_used() -> None:
    evaluator = object()
    executor = ExecuteSettings().build(None, evaluator)
    assert isinstance(executor, SerialExecutor) and executor.evaluator is evaluator
