"""The state of a Runner before its first training, restored before each later one."""

from __future__ import annotations

import copy

from mmengine.runner import Runner

from mmautoloss.proxy.state import Original, Snapshot, differences, fingerprint


class InitialState:
    """State of a Runner: its attributes, config, data sets, evaluator, and the objects that models share.

    Args:
        runner: The Runner, before its first training.
    """

    def __init__(self, runner: Runner) -> None:
        self.attributes = {**vars(runner), 'model': None, 'optim_wrapper': None}
        self.cfg = copy.deepcopy(runner.cfg)
        self._parts = {
            'train_dataset': runner.train_dataset,
            'val_dataset': runner._val_dataloader['dataset'],
            'val_evaluator': runner._val_evaluator,
            'shared': Original(runner.bare_model).shared,
        }
        self._snapshot = Snapshot(*self._parts.values())
        self._fingerprint = fingerprint(self._parts)

    def restore(self, runner: Runner) -> None:
        """Restores the Runner; hooks may have added attributes to it, or changed its config."""
        vars(runner).clear()
        vars(runner).update(self.attributes, cfg=copy.deepcopy(self.cfg), _as_built=self)
        self._snapshot.restore()

    def leftover(self) -> dict[str, str]:
        """The differences from the initial state, by path."""
        return differences(self._fingerprint, fingerprint(self._parts))
