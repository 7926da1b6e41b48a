"""The end of a trunk or a leg: the training is saved there, and goes no further."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook

from mmautoloss.proxy.training_state import take_state


class TrunkReached(Exception):
    """A training has reached the step at which it is saved."""


class TrunkHook(Hook):
    """Takes the state of a training after some of its steps, and ends it.

    Args:
        steps: Iterations of a training by iterations, epochs of one by epochs.
        last: Whether the training ends there by itself.

    Attributes:
        checkpoint: The state (``take_state``); empty until then.

    Raises:
        TrunkReached: After that, unless it is the end of the training.
    """

    priority = 'LOWEST'  # after the schedulers' step

    def __init__(self, steps: int, last: bool = False) -> None:
        self.steps = steps
        self.last = last
        self.checkpoint: dict[str, Any] = {}

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Takes the state of a training by iterations."""
        if not by_epoch(runner) and runner.iter + 1 == self.steps:
            self._end(runner, runner.iter + 1, 0)

    def after_train_epoch(self, runner: Any) -> None:
        """Takes the state of a training by epochs."""
        if by_epoch(runner) and runner.epoch + 1 == self.steps:
            self._end(runner, runner.iter, runner.epoch + 1)

    def _end(self, runner: Any, iterations: int, epochs: int) -> None:
        self.checkpoint = take_state(runner, iterations, epochs)
        if not self.last:
            raise TrunkReached


def by_epoch(runner: Any) -> bool:
    """Whether a training counts epochs; loops by iterations have an iterator over all batches."""
    return not hasattr(runner.train_loop, 'dataloader_iterator')
