"""Hooks of a proxy training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook, RuntimeInfoHook

from mmautoloss.errors import NonFiniteLoss
from mmautoloss.registry import HOOKS, register


@register(HOOKS)
class NonFiniteGuardHook(Hook):
    """Ends a training at the first loss that is NaN or Inf.

    Args:
        first: Check only this many iterations after its beginning (the published invalid stop uses 20); None checks all.

    Raises:
        NonFiniteLoss: In ``after_train_iter``.
    """

    priority = 'VERY_LOW'

    def __init__(self, first: int | None = None) -> None:
        self.first = first
        self._begin = 0

    def before_train(self, runner: Any) -> None:
        """Notes where the training begins."""
        self._begin = runner.iter

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Checks the losses of this iteration."""
        if self.first is not None and runner.iter - self._begin >= self.first:
            return
        totals = _totals({name: value for name, value in (outputs or {}).items() if 'loss' in name})
        problem = next((f'{name} is {total}' for name, total in totals.items() if not math.isfinite(total)), '')
        if anywhere(bool(problem)):
            raise NonFiniteLoss(f'{problem or "a loss of another process"} in iteration {runner.iter + 1}')


def _totals(losses: Mapping[str, Any]) -> dict[str, float]:
    """The sums of losses; those on a device are read together, since each reading waits for it."""
    sums = [torch.as_tensor(value).detach().sum() for value in losses.values()]
    if all(value.device.type == 'cpu' for value in sums):
        return {name: float(value) for name, value in zip(losses, sums, strict=True)}
    device = next(value.device for value in sums if value.device.type != 'cpu')
    double = any(value.dtype == torch.float64 for value in sums)
    numbers = [value.to(device, torch.float64 if double else torch.float32) for value in sums]
    return dict(zip(losses, torch.stack(numbers).tolist(), strict=True))


def anywhere(here: bool) -> bool:
    """Whether ``here`` is true in any of the processes that train together; all must stop at the same iteration."""
    if get_world_size() == 1:
        return here
    flag = torch.tensor(float(here))
    all_reduce(flag)
    return flag.item() > 0


@register(HOOKS)
class QuietRuntimeInfoHook(RuntimeInfoHook):
    """Updates only the counters that models may read: no config dump, no history of scalars."""

    def before_run(self, runner: Any) -> None:
        """Skips the dump of the config, which takes longer than some iterations."""

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Updates the iteration that models may read."""
        runner.message_hub.update_info('iter', runner.iter)

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Keeps no scalars."""

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Keeps no scalars."""


@register(HOOKS)
class ProgressHook(Hook):
    """Counts iterations in the Runner's ``progress``, by which a training that hangs is detected.

    Raises:
        TimeLimitExceeded: After an iteration that ends beyond the time limit of the trial.
    """

    priority = 'LOWEST'

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Counts a training iteration."""
        runner.progress.advance()

    def after_val_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        """Counts a validation iteration."""
        runner.progress.advance()
