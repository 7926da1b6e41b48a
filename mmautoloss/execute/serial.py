"""Executor in this process, one trial after the other."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from mmautoloss.errors import SetupError
from mmautoloss.execute.base import Executor
from mmautoloss.proxy import Evaluator
from mmautoloss.trial import Outcome, Pulse, State, Trial

_NAME = 'driver'


class SerialExecutor(Executor):
    """Evaluates within ``submit``, which returns a finished future.

    A training that hangs or crashes does the same to the search; ``LocalExecutor`` with one worker avoids this, at the cost
    of a second process. After an error of the device this process can use it no more: then ``spare`` evaluates that trial
    again, and all that follow.

    Args:
        evaluator: Evaluates the trials.
        spare: Makes an executor of other processes; None for none.
    """

    def __init__(self, evaluator: Evaluator, spare: Callable[[], Executor] | None = None) -> None:
        self.evaluator = evaluator
        self._make_spare = spare
        self._spare: Executor | None = None
        self._trial: int | None = None

    def submit(self, trial: Trial, limit: float | None = None) -> Future[Outcome]:
        """Evaluates a trial.

        Raises:
            SetupError: A trial has left this process unusable, and there is no spare executor.
        """
        if not self.evaluator.broken:
            outcome = self._evaluate(trial, limit)
            if not self.evaluator.broken or outcome.state is not State.FAILED:
                future: Future[Outcome] = Future()
                future.set_result(outcome)
                return future
        return self._other().submit(trial, limit)

    def pulses(self) -> Sequence[Pulse]:
        """The current state of this process, or of the one that trains in its place."""
        if self._spare is not None:
            return self._spare.pulses()
        progress = self.evaluator.progress
        where = f'{platform.node()}:{os.getpid()}'
        return [Pulse(_NAME, self._trial, progress.phase, progress.step, where=where)]

    def retired(self) -> Sequence[str]:
        """The slot of the spare executor, if its device has failed, too."""
        return self._spare.retired() if self._spare is not None else ()

    def close(self) -> None:
        """Ends the spare executor, if there is one."""
        if self._spare is not None:
            self._spare.close()

    def _evaluate(self, trial: Trial, limit: float | None) -> Outcome:
        self._trial = trial.number
        try:
            return replace(self.evaluator.evaluate(trial, limit), worker=_NAME)
        finally:
            self._trial = None

    def _other(self) -> Executor:
        if self._spare is None:
            if self._make_spare is None:
                raise SetupError(
                    'A trial has broken the GPU for this process (see its log): go on with --resume, or with --isolate, '
                    'where a worker is replaced.'
                )
            self._spare = self._make_spare()
        return self._spare
