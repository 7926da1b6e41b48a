"""How long the steps of a training take, from its first few."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import torch
from mmengine.hooks import Hook

from mmautoloss.proxy.evaluator import ProxyEvaluator
from mmautoloss.proxy.repeat_check import FarEnough


@dataclass(frozen=True)
class Speed:
    """Durations of a training, and what it needs.

    Attributes:
        iteration: Seconds an iteration.
        iterations: Number of iterations of a whole training.
        batch: Seconds a batch of the validation, without the metric's own computation.
        batches: Number of batches of the validation.
        memory: Most bytes allocated on the GPU, by one iteration or batch; None without a GPU.
    """

    iteration: float
    iterations: int
    batch: float
    batches: int
    memory: int | None

    def seconds(self, share: float = 1.0) -> float:
        """Seconds of a training of that share of all iterations, and its validation."""
        return self.iteration * self.iterations * share + self.batch * self.batches


class SpeedHook(Hook):
    """Times iterations, and ends the training after a few.

    Args:
        count: Number of iterations that are timed, after the first, which is not.

    Attributes:
        durations: Seconds of each of them, loading of its data included.

    Raises:
        FarEnough: In ``after_train_iter``, after the last.
    """

    priority = 'LOWEST'

    def __init__(self, count: int) -> None:
        self.durations: list[float] = []
        self._count = count
        self._last: float | None = None

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Notes the time since the iteration before."""
        now = _now()
        if self._last is not None:
            self.durations.append(now - self._last)
        self._last = now
        if len(self.durations) == self._count or runner.iter + 1 == runner.max_iters:
            raise FarEnough


def measure_speed(evaluator: ProxyEvaluator, count: int = 3) -> Speed:
    """Trains with the hand-made losses for a few iterations, and validates a few batches; both twice.

    The second time counts: what is done once in a search, such as choosing algorithms or reading samples that are kept, is
    done then.

    Args:
        evaluator: Of the trainings in question.
        count: Number of iterations and of batches that are timed.

    Raises:
        SetupError: Something cannot be built.
    """
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    for _ in range(2):
        hook = SpeedHook(count)
        evaluator.train_briefly(hook)
        runner = evaluator.runner
        batches = [*_durations(runner.model, islice(iter(runner.val_loop.dataloader), count))]
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    return Speed(
        iteration=median(hook.durations or [0.0]),
        iterations=runner.max_iters,
        batch=median(batches),
        batches=len(runner.val_loop.dataloader),
        memory=memory,
    )


def _durations(model: Any, batches: Iterable[Any]) -> Iterator[float]:
    model.eval()
    began = _now()
    for batch in batches:
        with torch.no_grad():
            model.val_step(batch)
        now = _now()
        yield now - began
        began = now


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
