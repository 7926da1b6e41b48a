"""The trunk of the candidates: a training with the hand-made losses that all of them continue."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trunk:
    """A trunk as an evaluator needs it.

    Attributes:
        steps: Its length, in the steps of the schedule: iterations or epochs.
        folder: Where trunks are saved.
        keep_optimizer: Whether candidates go on with the optimiser's state (momenta) of the trunk.
    """

    steps: int
    folder: str
    keep_optimizer: bool = True
