"""Executors of trials: this process, worker processes of this machine, a Ray cluster, or an executor of the user."""

from mmautoloss.execute.base import Executor, train_all
from mmautoloss.execute.device_plan import device_lines
from mmautoloss.execute.limits import Limits
from mmautoloss.execute.local import LocalExecutor
from mmautoloss.execute.serial import SerialExecutor
from mmautoloss.execute.settings import EXECUTORS, ExecuteSettings, build_executor, register_executor
from mmautoloss.execute.supervisor import SupervisedExecutor
from mmautoloss.execute.worker import Worker, WorkerDied, WorkerSpoilt, WorkerUnprepared, news_of
from mmautoloss.execute.worker_process import WorkerIdentity, work

__all__ = [
    'EXECUTORS',
    'ExecuteSettings',
    'Executor',
    'Limits',
    'LocalExecutor',
    'SerialExecutor',
    'SupervisedExecutor',
    'Worker',
    'WorkerDied',
    'WorkerIdentity',
    'WorkerSpoilt',
    'WorkerUnprepared',
    'build_executor',
    'device_lines',
    'news_of',
    'register_executor',
    'train_all',
    'work',
]
