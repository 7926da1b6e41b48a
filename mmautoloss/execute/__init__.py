"""Where trials run: in this process or in worker processes."""

from mmautoloss.execute.base import Executor
from mmautoloss.execute.local import LocalExecutor
from mmautoloss.execute.serial import SerialExecutor

__all__ = ['Executor', 'LocalExecutor', 'SerialExecutor']
