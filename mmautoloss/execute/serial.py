"""Measuring in this process, one trial after the other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from mmautoloss.execute.base import Executor
from mmautoloss.trial import Outcome, Trial


class SerialExecutor(Executor):
    """Measures within ``submit``; the future that it returns is done.

    Args:
        evaluate: Measures a trial, such as ``ProxyEvaluator.evaluate``.
    """

    def __init__(self, evaluate: Callable[[Trial], Outcome]) -> None:
        self.evaluate = evaluate

    def submit(self, trial: Trial) -> Future[Outcome]:
        """Measures a trial."""
        future: Future[Outcome] = Future()
        future.set_result(self.evaluate(trial))
        return future
