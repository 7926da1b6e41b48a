"""How much of the training has passed, which losses read as ``t``.

It is read from the message hub of MMEngine's current Runner, the one that was created last, which each Runner keeps by
itself (``RuntimeInfoHook``): no hook of this package is needed, and a resumed training goes on where it was.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor

from mmautoloss.checks import require_number
from mmautoloss.expr import Tree
from mmautoloss.expr.elapsed import reads_elapsed

AT_END = 1.0

_given: ContextVar[float | None] = ContextVar('elapsed share', default=None)


def elapsed_share() -> float:
    """The elapsed share of the training: ``i / n`` during iteration i, counted from 0, of n.

    So it is 0 in the first iteration and ``(n - 1) / n`` in the last, in trainings by iterations as by epochs. Everywhere
    else it is 1: in validations, after a training, and without MMEngine.
    """
    given = _given.get()
    return _share_of_runner() if given is None else given


@contextmanager
def training_at(share: float) -> Iterator[None]:
    """A context in which losses read this share, for training loops without MMEngine, and for tests of a loss.

    Args:
        share: From 0, the beginning, to 1, the end.

    Raises:
        SetupError: It is no such number.
    """
    require_number('the elapsed share of the training', share, 0, AT_END)
    token = _given.set(share)
    try:
        yield
    finally:
        _given.reset(token)


def elapsed_of(tree: Tree, pred: Tensor) -> Tensor | None:
    """The share as a scalar of the type and on the device of a prediction; None if the expression does not read it."""
    return pred.new_full((), elapsed_share()) if reads_elapsed(tree) else None


def varies(loss: object) -> bool:
    """Whether a loss says that it reads the share, as ``SearchedLoss`` does."""
    return bool(getattr(loss, 'reads_elapsed', False))


def _share_of_runner() -> float:
    logging: Any = sys.modules.get('mmengine.logging')  # a training with MMEngine has imported it
    if logging is None:
        return AT_END
    hub = logging.MessageHub.get_current_instance()
    iterations = hub.get_info('max_iters')
    if hub.get_info('loop_stage') != 'train' or not iterations:
        return AT_END
    return min(hub.get_info('iter', 0) / iterations, AT_END)
