"""Measuring in this process, one trial after the other."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.proxy import ProxyEvaluator
from mmautoloss.trial import Outcome, Pulse, Trial

_NAME = 'driver'


class SerialExecutor(Executor):
    """Measures within ``submit``; the future that it returns is done.

    A training that hangs or takes its process down does so to the search as well; ``LocalExecutor`` with one worker does
    not, at the price of a second process.

    Args:
        evaluator: Measures a trial.
    """

    def __init__(self, evaluator: ProxyEvaluator) -> None:
        self.evaluator = evaluator
        self._trial: int | None = None

    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Measures a trial.

        Raises:
            SetupError: The trial before has spoilt this process.
        """
        if self.evaluator.broken:
            raise SetupError(
                'The trial before has broken the GPU for this process (its reason is in the journal): go on with --resume, '
                'or with --isolate, where a worker is replaced.'
            )
        future: Future[Outcome] = Future()
        self._trial = trial.number
        try:
            future.set_result(replace(self.evaluator.evaluate(trial, limit), worker=_NAME))
        finally:
            self._trial = None
        return future

    def pulses(self) -> Sequence[Pulse]:
        """What this process does."""
        progress = self.evaluator.progress
        where = f'{platform.node()}:{os.getpid()}'
        return [Pulse(_NAME, self._trial, progress.phase, progress.step, where=where)]
