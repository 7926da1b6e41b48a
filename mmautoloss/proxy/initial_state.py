"""What a Runner has before its first training, and gets back before each other one."""

from __future__ import annotations

import copy

from mmengine.runner import Runner

from mmautoloss.proxy.state import Original, Snapshot, differences, fingerprint


class InitialState:
    """A Runner before its first training: its own attributes, its config, data sets, evaluator, and what models share.

    Args:
        runner: The Runner.
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
        self._told = fingerprint(self._parts)

    def restore(self, runner: Runner) -> None:
        """Brings the Runner back; hooks may have given it attributes, or changed its config."""
        vars(runner).clear()
        vars(runner).update(self.attributes, cfg=copy.deepcopy(self.cfg), _as_built=self)
        self._snapshot.restore()

    def leftover(self) -> dict[str, str]:
        """By path what is other than it was."""
        return differences(self._told, fingerprint(self._parts))
