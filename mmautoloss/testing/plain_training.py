"""Hooks that make a plain Runner train exactly as a proxy does, to compare the two."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import Tensor


@HOOKS.register_module(force=True)
class FreshRandomHook(Hook):
    """Seeds the random generators at the first iteration, since a Runner and a proxy draw different amounts before."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Before the first iteration."""
        if runner.iter == 0:
            runner.set_randomness(seed=runner.seed)


class GivenWeightsHook(Hook):
    """Gives a training the initial weights of a proxy.

    Args:
        state: The weights.
    """

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def before_train(self, runner: Runner) -> None:
        """After the Runner's own initialisation."""
        runner.model.load_state_dict(self.state)
