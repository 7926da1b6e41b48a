"""Faults of the toy, switched by config or, for worker processes too, by an environment variable."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmengine.logging import MessageHub
from torch import Tensor, nn

VARIABLE = 'MMAUTOLOSS_TOY_FAULTS'
"""Environment variable with faults as JSON, such as ``{"die_at": 2, "where": "exp"}``."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong while the toy trains; iterations count from 0.

    Attributes:
        fail_at: Iteration in which the model raises.
        nan_at: First iteration of which the class loss is NaN; gradients stay finite.
        die_at: Iteration in which the process kills itself.
        slow: Seconds by which every iteration is longer.
        where: Only trainings whose class loss has this text in its expression; hand-made losses have
            none. '' means all.
        metric: ``fault`` of ``ToyMetric``.
    """

    fail_at: int | None = None
    nan_at: int | None = None
    die_at: int | None = None
    slow: float = 0.0
    where: str = ''
    metric: str | None = None

    def strike(self, losses: dict[str, Tensor], loss_cls: nn.Module) -> dict[str, Tensor]:
        """Does the harm of this iteration to the losses of a training; else returns them."""
        # absent where the losses are only listened to
        iteration = MessageHub.get_current_instance().get_info('iter', -1)
        if iteration < 0 or self.where not in getattr(loss_cls, 'expression', ''):
            return losses
        time.sleep(self.slow)
        if iteration == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if iteration == self.fail_at:
            raise RuntimeError(f'the toy fails in iteration {iteration}')
        if self.nan_at is not None and iteration >= self.nan_at:
            return {**losses, 'loss_cls': losses['loss_cls'] + float('nan')}
        return losses


def read_faults(faults: Mapping[str, Any] | None) -> Faults:
    """Faults of a config, overridden by those of the environment."""
    return Faults(**{**(faults or {}), **json.loads(os.environ.get(VARIABLE) or '{}')})
