"""A slot of an executor: its worker, the job of the worker, and its deadlines."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from mmautoloss.execute.worker import Worker
from mmautoloss.trial import Outcome, Pulse, Trial

W = TypeVar('W', bound=Worker)


@dataclass
class Job:
    """A trial that is being evaluated, and the number of the attempt."""

    trial: Trial
    limit: float | None
    future: Future[Outcome]
    attempt: int = 1


class Slot(Generic[W]):
    """A slot of an executor; its worker may be replaced."""

    def __init__(self, name: str) -> None:
        self.worker: W | None = None
        self.job: Job | None = None
        self.begun = False
        self.losses = 0  # workers lost in a row
        self.pulse = Pulse(name, phase='idle')
        self.heard = self.moved = time.monotonic()
        self.since: float | None = None  # when the training of the job was first seen

    def hear(self, pulse: Pulse) -> None:
        """Updates pulse and clocks from a message of the worker."""
        now = self.heard = time.monotonic()
        if (pulse.phase, pulse.step, pulse.trial) != (self.pulse.phase, self.pulse.step, self.pulse.trial):
            self.moved = now
        if pulse.phase in ('prove', 'build'):  # the trial, or its part of one task, was over within its limit
            self.since = None
        elif self.since is None and pulse.phase in ('train', 'validate'):
            self.since = now
        self.pulse = pulse

    def restart_clocks(self, phase: str, trial: int) -> None:
        """Restarts the clocks when a job begins."""
        self.heard = self.moved = time.monotonic()
        self.since = None
        self.pulse = replace(self.pulse, phase=phase, step=0, trial=trial)
