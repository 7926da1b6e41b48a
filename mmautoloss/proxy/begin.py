"""The saved training that another one continues."""

from __future__ import annotations

from typing import Any, NamedTuple

from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmautoloss.proxy.training_state import put_random_state


class Begin(NamedTuple):
    """A saved training, and how it is continued.

    Attributes:
        checkpoint: Its state (``take_state``).
        keep_optimizer: Whether the optimiser gets its state back.
    """

    checkpoint: dict[str, Any]
    keep_optimizer: bool = True

    @property
    def iterations(self) -> int:
        """Iterations that are done."""
        return self.checkpoint['meta']['iter']

    @property
    def epochs(self) -> int:
        """Epochs that are done; 0 in a training by iterations."""
        return self.checkpoint['meta']['epoch']

    @property
    def steps(self) -> int:
        """Steps that are done: epochs of a training by epochs, else iterations."""
        return self.epochs or self.iterations

    def put_random_state(self) -> None:
        """Sets the random generators of this process to those of the saved training."""
        put_random_state(self.checkpoint)


class RandomStateHook(Hook):
    """Sets the random generators before the first iteration of a continued training."""

    priority = 'LOWEST'

    def __init__(self, begin: Begin) -> None:
        self.begin = begin

    def before_train(self, runner: Runner) -> None:
        """Sets them."""
        self.begin.put_random_state()
