"""A slot of an executor: its worker, the job of the worker, its deadlines, and the failures of its device."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from mmautoloss.execute.worker import Worker
from mmautoloss.trial import Outcome, Pulse, Trial

W = TypeVar('W', bound=Worker)


MAX_FAULTS = 3
"""Failures of a device in a row after which its slot is retired."""


@dataclass
class Job:
    """A trial that is being evaluated.

    Attributes:
        trial: The trial.
        limit: Its time limit in seconds.
        future: Takes its outcome.
        attempt: Number of the attempt, from 1.
        spoilt: The slots whose device it has left unusable for their process, and whether that had worked before.
    """

    trial: Trial
    limit: float | None
    future: Future[Outcome]
    attempt: int = 1
    spoilt: dict[Slot[Any], bool] = field(default_factory=dict)

    def spoils(self, slot: Slot[Any], reason: str) -> None:
        """Records that it has spoilt the process of a slot; however often it does, this is one failure of that device."""
        self.spoilt.setdefault(slot, slot.proven)
        slot.proven = False
        if self.trial.number not in slot.faults:
            slot.faults[self.trial.number] = reason

    @property
    def is_guilty(self) -> bool:
        """Whether its losses, not a device, are the cause: two devices failed, of which one had worked."""
        return len(self.spoilt) > 1 and any(self.spoilt.values())

    def absolve(self) -> None:
        """Takes back the failures of devices that it has caused."""
        for slot, proven in self.spoilt.items():
            slot.faults.pop(self.trial.number, None)
            slot.proven = proven


class Slot(Generic[W]):
    """A slot of an executor; its worker may be replaced."""

    def __init__(self, name: str) -> None:
        self.worker: W | None = None
        self.job: Job | None = None
        self.begun = False
        self.losses = 0  # workers lost in a row
        self.faults: dict[int, str] = {}  # reasons of failures of its device in a row, by trial or, below 0, by start
        self.proven = False  # whether its last trial did not fail by its device
        self.retired = ''  # why it gets no trials any more
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

    def shift_clocks(self, seconds: float) -> None:
        """Discounts a time for which the whole search was suspended."""
        self.heard += seconds
        self.moved += seconds
        self.since = None if self.since is None else self.since + seconds

    def fail_to_start(self, reason: str) -> None:
        """Records that a worker has failed before any trial."""
        self.faults[min([0, *self.faults]) - 1] = reason

    def prove(self) -> None:
        """Records that a trial was evaluated."""
        self.losses, self.proven = 0, True
        self.faults.clear()
