"""Faults of the toy, switched by config or, for worker processes too, by an environment variable."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.logging import MessageHub
from torch import Tensor, nn

VARIABLE = 'MMAUTOLOSS_TOY_FAULTS'
"""Environment variable with faults as JSON, such as ``{"die_at": 2, "where": "exp"}``."""


@dataclass(frozen=True)
class Faults:
    """Faults of the toy; iterations of its training count from 0.

    Attributes:
        fail_at: Iteration in which the model raises.
        says: The message of that error.
        nan_at: First iteration of which the class loss is NaN; gradients stay finite.
        die_at: Iteration in which the process kills itself.
        die_in: ``'build'``, ``'validate'`` or both of them, where the process kills itself.
        hang_at: Iteration that does not end.
        freeze_at: Iteration in which the process is stopped, as by a debugger.
        memory_at: Iteration in which more memory is requested than there is.
        slow: Seconds by which every iteration is longer.
        where: Only trainings whose class loss has this text in its expression; hand-made losses have
            none. '' means all.
        once: Path to which the name of a fault is added; a fault creates that file, and occurs only if it is absent. ''
            for always.
        in_worker: Only in worker processes.
        rank: Only in this process of those that train a candidate together.
        metric: ``fault`` of ``ToyMetric``.
    """

    fail_at: int | None = None
    says: str = 'the toy fails'
    nan_at: int | None = None
    die_at: int | None = None
    die_in: str = ''
    hang_at: int | None = None
    freeze_at: int | None = None
    memory_at: int | None = None
    slow: float = 0.0
    where: str = ''
    once: str = ''
    in_worker: bool = False
    rank: int | None = None
    metric: str | None = None

    def enter(self, phase: str) -> None:
        """Causes the fault of a phase."""
        if phase in self.die_in.split() and self._occurs(phase):
            os.kill(os.getpid(), signal.SIGKILL)

    def strike(self, losses: dict[str, Tensor], loss_cls: nn.Module) -> dict[str, Tensor]:
        """Causes the faults of this iteration, and returns the losses of the training, which may be NaN."""
        # absent if the losses are only recorded
        iteration = MessageHub.get_current_instance().get_info('iter', -1)
        if iteration < 0 or self.where not in getattr(loss_cls, 'expression', ''):
            return losses
        time.sleep(self.slow)
        for fault, cause in _CAUSES.items():
            if getattr(self, f'{fault}_at') == iteration and self._occurs(fault):
                cause()
        if self.fail_at == iteration and self._occurs('fail'):
            raise RuntimeError(f'{self.says} in iteration {iteration}')
        if self.nan_at is not None and iteration >= self.nan_at and self._occurs('nan'):
            return {**losses, 'loss_cls': losses['loss_cls'] + float('nan')}
        return losses

    def _occurs(self, fault: str) -> bool:
        if self.in_worker and multiprocessing.parent_process() is None:
            return False
        if self.rank is not None and os.environ.get('RANK') != str(self.rank):
            return False
        if not self.once:
            return True
        with contextlib.suppress(FileExistsError):
            Path(f'{self.once}-{fault}').touch(exist_ok=False)
            return True
        return False


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    while True:
        time.sleep(1)


def _freeze() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _exhaust() -> None:
    torch.zeros(1 << 55, device=get_device())


_CAUSES = {'die': _die, 'hang': _hang, 'freeze': _freeze, 'memory': _exhaust}


def read_faults(faults: Mapping[str, Any] | None) -> Faults:
    """Faults of a config, overridden by those of the environment."""
    return Faults(**{**(faults or {}), **json.loads(os.environ.get(VARIABLE) or '{}')})
