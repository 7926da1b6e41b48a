"""A validation in the course of a training, which does not affect it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import EMAHook, Hook

from mmautoloss.proxy.global_random import kept_random_states
from mmautoloss.proxy.state import Snapshot
from mmautoloss.registry import HOOKS, register


@register(HOOKS)
class RungHook(Hook):
    """Validates once in the course of the training, and passes the result to the Runner's ``at_rung``.

    Args:
        at: Number of iterations from the beginning of the training to the rung; below 1, the share of all of these.

    Raises:
        StoppedAtRung: Raised by ``at_rung``.
    """

    priority = 'LOWEST'

    def __init__(self, at: float) -> None:
        self.at = at
        self._begin = 0

    def before_train(self, runner: Any) -> None:
        """Notes where the training begins."""
        self._begin = runner.iter

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Validates after the iteration of the rung."""
        at_rung: Callable[[dict[str, float]], None] | None = runner.at_rung
        rung = rung_iteration(self.at, runner.max_iters - self._begin)
        if at_rung is None or rung is None or runner.iter + 1 != self._begin + rung:
            return
        with runner.progress.stage('rung'), undisturbed(runner):
            metrics = runner.val_loop.run()
        at_rung(metrics)


def rung_iteration(at: float, iterations: int) -> int | None:
    """The iteration of the rung; None if the training ends before it."""
    iteration = max(1, round(at * iterations)) if at < 1 else int(at)
    return iteration if iteration < iterations else None


@contextmanager
def undisturbed(runner: Any) -> Iterator[None]:
    """Restores the state of the training afterwards.

    This covers random states and the Python state of the model, the validation data and the evaluator, such as the modes
    of modules.

    Only hooks that belong to the validation itself are called: ``EMAHook``, whose averaged weights are scored, and those
    of this package. Others, such as early stopping or a scheduler that steps on a metric, would count this validation.
    """
    before = Snapshot(runner.model, runner.val_dataloader.dataset, runner.val_evaluator)
    hooks = runner._hooks
    with kept_random_states():
        runner._hooks = [hook for hook in hooks if isinstance(hook, EMAHook) or _is_ours(hook)]
        try:
            yield
        finally:
            runner._hooks = hooks
            before.restore()


def _is_ours(hook: Hook) -> bool:
    return type(hook).__module__.startswith('mmautoloss.')
