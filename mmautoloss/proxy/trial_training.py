"""The training of a trial: with which losses, from where, and to where."""

from __future__ import annotations

from functools import partial

from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmautoloss.branches import install_losses
from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.runner import ProxyRunner
from mmautoloss.proxy.settings import ProxySettings
from mmautoloss.proxy.trunk_hook import TrunkHook
from mmautoloss.proxy.trunks import Trunks, trunk_name
from mmautoloss.trial import Role, Saved, Trial


class TrialTraining:
    """Prepares a Runner for the training of a trial, and saves it if it is a trunk.

    Args:
        settings: How trials of its length are evaluated.
        trunks: The trunks that trials continue.
        trial: The trial.
    """

    def __init__(self, settings: ProxySettings, trunks: Trunks, trial: Trial) -> None:
        self._settings = settings
        self._trunks = trunks
        self._trial = trial
        is_trunk = settings.trunk is not None and trial.role is Role.TRUNK
        self._end = TrunkHook(settings.trunk.steps) if settings.trunk and is_trunk else None

    @property
    def hooks(self) -> tuple[Hook, ...]:
        """Hooks of this training alone."""
        return (self._end,) if self._end else ()

    def prepare(self, runner: ProxyRunner) -> None:
        """Resets a Runner for this training."""
        plain = self._settings.config.get('param_scheduler') or []
        runner.reset(
            self._trial.seed,
            partial(install_losses, self._trial, self._settings.branches),
            self._begin(),
            plain if self._trial.role is Role.PLAIN else self._settings.schedulers,
        )

    def save(self) -> Saved | None:
        """Saves the trunk; None if this is none, or another process saves it."""
        if self._end is None or get_rank() != 0:
            return None
        return self._trunks.save(trunk_name(self._trial.seed, self._trial.times), self._end.checkpoint)

    def _begin(self) -> Begin | None:
        """The saved training that it continues."""
        trunk, saved = self._settings.trunk, self._trial.begin
        return Begin(self._trunks.load(saved), trunk.keep_optimizer) if trunk and saved else None
