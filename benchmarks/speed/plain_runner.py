"""The yardstick of a proxy: the same training and validation in a plain Runner of MMEngine."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import time
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from mmautoloss.proxy.runner import forget_runner
from mmautoloss.testing.plain_training import GivenWeightsHook

_NUMBERS = itertools.count()


class Measured(NamedTuple):
    """A training with its validation.

    Attributes:
        seconds: What it took.
        cpu: Seconds of processor of it; what others do on the machine disturbs it less.
        metrics: Result of the validation.
        state: The weights.
    """

    seconds: float
    cpu: float
    metrics: dict[str, float]
    state: dict[str, Tensor]


class StopwatchHook(Hook):
    """Times the training loop alone: all that is built is built by then."""

    priority = 'LOWEST'

    def before_train(self, runner: Runner) -> None:
        """The last of what is called before the first iteration."""
        self.began = time.perf_counter(), time.process_time()

    def after_train(self, runner: Runner) -> None:
        """The last of what is called after the validation."""
        self.taken = time.perf_counter() - self.began[0], time.process_time() - self.began[1]

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Keeps the result."""
        self.metrics = dict(metrics or {})


class QuickRunner(Runner):
    """MMEngine's Runner without the question for compilers and drivers, which takes a second and is not timed anyway."""

    def _log_env(self, env_cfg: dict) -> None:
        """Asks nobody."""


def train_plainly(cfg: Config, base: Config, iterations: int, seed: int, state: dict[str, Tensor]) -> Measured:
    """Trains and validates as a user does who has no search.

    Hooks, log and visualiser are those of the base config; no checkpoint is written. What builds the Runner, its data, its
    loops and its optimiser is not counted.

    Args:
        cfg: The search config, for model, data and optimiser.
        base: The plain config, for the hooks.
        iterations: Length of the training; one validation at its end.
        seed: Seed of the training.
        state: Initial weights.
    """
    plain = Config({key: value for key, value in cfg.to_dict().items() if key != 'train_cfg'})
    for key in ('default_hooks', 'log_processor', 'log_level', 'visualizer'):
        plain[key] = copy.deepcopy(base.get(key))
    plain.train_cfg = {'type': 'IterBasedTrainLoop', 'max_iters': iterations, 'val_interval': iterations}
    plain.default_hooks.checkpoint = None
    plain.randomness = {'seed': seed}
    plain.experiment_name = f'plain_{next(_NUMBERS)}'
    plain.work_dir = str(Path(cfg.work_dir) / plain.experiment_name)
    plain.visualizer.name = plain.experiment_name
    stopwatch = StopwatchHook()
    with contextlib.redirect_stdout(io.StringIO()):
        runner = QuickRunner.from_cfg(plain)
        runner.register_hook(GivenWeightsHook(state))
        runner.register_hook(stopwatch)
        runner.train()
    forget_runner(plain.experiment_name)
    trained = {name: tensor.clone() for name, tensor in runner.model.state_dict().items()}
    return Measured(*stopwatch.taken, stopwatch.metrics, trained)
