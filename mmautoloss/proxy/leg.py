"""The leg of a relay: the part of a training between two saved ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Leg:
    """A leg as an evaluator needs it.

    Attributes:
        steps: Its length, in the steps of the schedule: iterations or epochs.
        folder: Where trainings are saved between two legs.
        keep_optimizer: Whether the next leg goes on with the optimiser's state (momenta).
    """

    steps: int
    folder: str
    keep_optimizer: bool = True


def leg_name(number: int) -> str:
    """The file name of the training that a trial has saved."""
    return f'leg_{number}.pth'
