"""The interface of workers of a supervised executor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from mmautoloss.errors import MMAutoLossError
from mmautoloss.trial import Outcome, Pulse, State, Trial, outcome_from_json


class WorkerDied(MMAutoLossError):
    """A worker has died; the message gives the reason, as far as it is known."""


class WorkerSpoilt(WorkerDied):
    """A trial has left the device of its worker unusable for the process; the message is the reason of that trial."""


class WorkerUnprepared(WorkerDied):
    """A worker has failed before any trial, such as for a device that does not work; the message gives the reason."""


def news_of(message: Mapping[str, Any]) -> Pulse | Outcome:
    """What a message of a worker process (``work``) tells.

    Raises:
        WorkerSpoilt: The trial has failed by an error of the device.
        WorkerUnprepared: The process has failed before any trial.
    """
    if 'unprepared' in message:
        raise WorkerUnprepared(message['unprepared'])
    if 'pulse' in message:
        return Pulse.from_json(message['pulse'])
    outcome = outcome_from_json(message['outcome'])
    if message['spoilt'] and outcome.state is State.FAILED:
        raise WorkerSpoilt(outcome.reason)
    return outcome


class Worker(ABC):
    """Evaluates one trial after the other in another process; used by a single thread."""

    @abstractmethod
    def begin(self, trial: Trial, limit: float | None) -> None:
        """Sends a trial to the worker.

        Raises:
            WorkerDied: It has died.
        """

    @abstractmethod
    def news(self) -> Iterable[Pulse | Outcome]:
        """Messages since the last call, without waiting.

        Raises:
            WorkerSpoilt: Its trial has failed by an error of the device.
            WorkerUnprepared: It has failed before any trial.
            WorkerDied: It has died.
        """

    @abstractmethod
    def kill(self) -> None:
        """Kills the worker; may be called again."""
