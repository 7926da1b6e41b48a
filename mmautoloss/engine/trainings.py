"""Trials that are measured outside a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from mmautoloss.execute import Executor
from mmautoloss.trial import Outcome, Trial


def train_all(executor: Executor, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Outcome]]:
    """Measures trials on all slots, and gives each as it is done; the executor is closed in the end."""
    pending = list(trials)
    running: dict[Future[Outcome], Trial] = {}
    try:
        while pending or running:
            while pending and len(running) < executor.slots:
                trial = pending.pop(0)
                running[executor.submit(trial)] = trial
            for future in executor.wait(running):
                yield running.pop(future), future.result()
    finally:
        executor.close()
