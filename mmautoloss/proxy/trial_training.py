"""The training of a trial: with which losses, from where, and to where."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmautoloss.branches import install_losses
from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.interim import InterimHook
from mmautoloss.proxy.interim_checkpoints import interim_file, save_interim
from mmautoloss.proxy.leg import leg_name
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.proxy.settings import ProxySettings
from mmautoloss.proxy.trunk_hook import TrunkHook
from mmautoloss.proxy.trunks import Trunks, trunk_name
from mmautoloss.trial import Role, Saved, Trial


class TrialTraining:
    """Prepares a Runner for the training of a trial, and saves it if it is a trunk or a leg of a relay.

    Args:
        settings: How trials of its length are evaluated.
        trunks: The saved trainings that trials continue.
        trial: The trial.
        interim: The checkpoint from which it goes on after its process was killed; None if there is none.
    """

    def __init__(self, settings: ProxySettings, trunks: Trunks, trial: Trial, interim: Begin | None = None) -> None:
        self._settings = settings
        self._trunks = trunks
        self._trial = trial
        self._interim = interim
        self._begin = self._find_begin()
        end = self._find_end()
        self._end = None if end is None else TrunkHook(end, last=end == settings.steps)

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """Hooks of this training alone."""
        return tuple(hook for hook in (self._end, self._saving()) if hook)

    def prepare(self, runner: ProxyRunner) -> None:
        """Resets a Runner for this training."""
        plain = self._settings.config.get('param_scheduler') or []
        runner.reset(
            self._trial.seed,
            partial(install_losses, self._trial, self._settings.branches),
            self._interim or self._begin,
            plain if self._trial.role is Role.PLAIN else self._settings.schedulers,
        )

    def save(self) -> Saved | None:
        """Saves the trunk or the leg; None if this is none, or another process saves it."""
        if self._end is None or get_rank() != 0:
            return None
        return self._trunks.save(self._name, self._end.checkpoint)

    @property
    def _name(self) -> str:
        trial = self._trial
        return leg_name(trial.number) if trial.role is Role.LEG else trunk_name(trial.seed, trial.times)

    def _saving(self) -> InterimHook | None:
        """Saves the training while it runs."""
        path = interim_file(self._settings, self._trial)
        if self._settings.interim is None or path is None:
            return None
        steps = self._end.steps if self._end else self._settings.steps
        return InterimHook(self._settings.interim.every, steps, partial(_save, path))

    def _find_begin(self) -> Begin | None:
        """The saved training that it continues."""
        kept, saved = self._settings.trunk or self._settings.leg, self._trial.begin
        return Begin(self._trunks.load(saved), kept.keep_optimizer) if kept and saved else None

    def _find_end(self) -> int | None:
        """The step after which it is saved; None if it is not."""
        trunk, leg, role = self._settings.trunk, self._settings.leg, self._trial.role
        if trunk and role is Role.TRUNK:
            return trunk.steps
        if leg is None or role is not Role.LEG:
            return None
        return (self._begin.steps if self._begin else 0) + leg.steps


def _save(path: Path, checkpoint: dict[str, Any]) -> None:
    """All processes of a training have the state; one writes it."""
    if get_rank() == 0:
        save_interim(path, checkpoint)
