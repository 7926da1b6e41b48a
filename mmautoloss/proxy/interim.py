"""How often a training is saved while it runs, and the hook that does so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mmengine.hooks import Hook

from mmautoloss.checks import require_whole
from mmautoloss.proxy.training_state import take_state
from mmautoloss.proxy.trunk_hook import by_epoch


@dataclass(frozen=True)
class Interim:
    """How often trainings are saved while they run.

    Attributes:
        every: Steps of the schedule between two checkpoints: iterations or epochs.
        folder: Where they lie.
    """

    every: int
    folder: str

    def __post_init__(self) -> None:
        require_whole('The interval of checkpoints', self.every, 1)


class InterimHook(Hook):
    """Saves a training every few steps, but for its end.

    Args:
        every: Iterations of a training by iterations, epochs of one by epochs.
        steps: Those of the whole training.
        save: Called with each state (``take_state``).
    """

    priority = 'LOWEST'  # after the schedulers' step

    def __init__(self, every: int, steps: int | None, save: Callable[[dict[str, Any]], None]) -> None:
        self.every = every
        self.steps = steps
        self.save = save
        self._due = False

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Saves a training by iterations, where no gradients wait for further ones."""
        if not by_epoch(runner) and self._is_due(runner.iter + 1) and not _accumulates(runner):
            self._save(runner, runner.iter + 1, 0)

    def after_train_epoch(self, runner: Any) -> None:
        """Saves a training by epochs."""
        if by_epoch(runner) and self._is_due(runner.epoch + 1):
            self._save(runner, runner.iter, runner.epoch + 1)

    def _is_due(self, step: int) -> bool:
        self._due = (self._due or step % self.every == 0) and step != self.steps
        return self._due

    def _save(self, runner: Any, iterations: int, epochs: int) -> None:
        self._due = False
        self.save(take_state(runner, iterations, epochs))


def _accumulates(runner: Any) -> bool:
    """Whether the optimiser has gradients that it has not applied yet."""
    return (runner.iter + 1) % getattr(runner.optim_wrapper, '_accumulative_counts', 1) != 0
