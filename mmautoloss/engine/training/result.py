"""The outcome of one training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """The outcome of one training, in plain values.

    Attributes:
        state: ``'complete'`` or ``'failed'``.
        score: The monitored value, its sign turned with ``rule='less'``, so that higher is always better; None where
            the training failed.
        metrics: All values of the validation, as the evaluator names them; without those that are NaN.
        metric: Key of the monitored value; several, whose mean is monitored, are joined by ``+``.
        reason: Why it failed, with the traceback of an exception in the model, the data or the metric; '' otherwise.
        seconds: Time of building, training and validation.
        seed: Seed of the initial weights and the order of the data.
        losses: Every loss of the model by its name, as it was read back out of the model: the expression of a searched
            loss, the class of a hand-made one.
        weights: ``loss_weight`` of each searched loss.
        memory: Peak of GPU memory in bytes; None on the CPU.
        left_out: Names of found losses that have no place in the model.
    """

    state: str
    score: float | None
    metrics: Mapping[str, float]
    metric: str
    reason: str
    seconds: float
    seed: int
    losses: Mapping[str, str]
    weights: Mapping[str, float]
    memory: int | None = None
    left_out: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it was trained to the end and has a score."""
        return self.state == 'complete'

    def to_json(self) -> dict[str, Any]:
        """The attributes in JSON types."""
        return {**asdict(self), 'left_out': list(self.left_out)}
