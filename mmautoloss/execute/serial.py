"""Executor in this process, one trial after the other."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.proxy import Evaluator
from mmautoloss.trial import Outcome, Pulse, Trial

_NAME = 'driver'


class SerialExecutor(Executor):
    """Evaluates within ``submit``, which returns a finished future.

    A training that hangs or crashes does the same to the search; ``LocalExecutor`` with one worker avoids this, at the cost
    of a second process.

    Args:
        evaluator: Evaluates the trials.
    """

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._trial: int | None = None

    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Evaluates a trial.

        Raises:
            SetupError: The previous trial has left this process unusable.
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
        """The current state of this process."""
        progress = self.evaluator.progress
        where = f'{platform.node()}:{os.getpid()}'
        return [Pulse(_NAME, self._trial, progress.phase, progress.step, where=where)]
