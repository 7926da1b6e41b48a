"""A look at a training before its end, which leaves no trace in it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.hooks import EMAHook, Hook

from mmautoloss.proxy.state import Snapshot
from mmautoloss.registry import HOOKS, register


@register(HOOKS)
class RungHook(Hook):
    """Validates once, in the midst of the training, and hands the result to the Runner's ``at_rung``.

    Args:
        at: After how many iterations; below 1 the share of them.

    Raises:
        StoppedAtRung: Where ``at_rung`` does.
    """

    priority = 'LOWEST'

    def __init__(self, at: float) -> None:
        self.at = at

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Validates when it is time."""
        at_rung: Callable[[dict[str, float]], None] | None = runner.at_rung
        if at_rung is None or runner.iter + 1 != rung_iteration(self.at, runner.max_iters):
            return
        with runner.progress.stage('rung'), undisturbed(runner):
            metrics = runner.val_loop.run()
        at_rung(metrics)


def rung_iteration(at: float, iterations: int) -> int | None:
    """The iteration after which the rung is; None where the training is over by then."""
    found = max(1, round(at * iterations)) if at < 1 else int(at)
    return found if found < iterations else None


@contextmanager
def undisturbed(runner: Any) -> Iterator[None]:
    """The training goes on as if nothing had been between.

    That holds for random numbers, schedulers and hooks, and for what model, validation data and evaluator keep in Python,
    such as the modes of modules.

    Of the hooks only those are called that belong to the validation itself: the average of the weights, which is scored in
    place of them, and our own. Others, such as one that ends a training early or steps a scheduler,
    count the validations that they see.
    """
    before = Snapshot(runner.model, runner.val_dataloader.dataset, runner.val_evaluator)
    states = random_states()
    hooks = runner._hooks
    runner._hooks = [hook for hook in hooks if isinstance(hook, EMAHook) or _is_ours(hook)]
    try:
        yield
    finally:
        runner._hooks = hooks
        before.restore()
        _set_random_states(states)


def _is_ours(hook: Hook) -> bool:
    return type(hook).__module__.startswith('mmautoloss.')


def random_states() -> tuple[Any, ...]:
    """The states of all generators of random numbers that are there for everybody."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda


def _set_random_states(states: tuple[Any, ...]) -> None:
    ours, arrays, cpu, cuda = states
    random.setstate(ours)
    np.random.set_state(arrays)
    torch.set_rng_state(cpu)
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
