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
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if variable is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', variable)
    assert visible_gpus() == gpus


def test_each_worker_has_gpus_of_its_own_while_they_last() -> None:
    four = ('0', '1', '2', '3')
    assert share_gpus(four, 4) == [('0',), ('1',), ('2',), ('3',)]
    assert share_gpus(four, 2, 2) == [('0', '1'), ('2', '3')]
    assert share_gpus(four, 3, 2) == [('0', '1'), ('2', '3'), ('0', '1')]
    assert share_gpus(('0', '1', '2'), 2, 2) == [('0', '1')] * 2, 'a pair of one GPU twice would not work'
    with pytest.raises(SetupError, match=r'gpus_per_candidate is 3, but this machine shows 2 GPU\(s\): 0, 1'):
        share_gpus(('0', '1'), 1, 3)


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
        ({'gpus_per_candidate': 0.5}, 'more workers than GPUs share them'),
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
