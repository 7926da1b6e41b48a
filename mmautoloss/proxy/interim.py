"""Checkpoints from which a training goes on after its process was killed; each takes the place of the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.hooks import Hook

from mmautoloss.checks import require_whole
from mmautoloss.errors import SetupError
from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.digest import training_text
from mmautoloss.proxy.training_state import take_state
from mmautoloss.proxy.trunk_hook import by_epoch
from mmautoloss.proxy.trunks import load_trunk, save_trunk
from mmautoloss.trial import Role, Trial

if TYPE_CHECKING:
    from mmautoloss.proxy.settings import ProxySettings


@dataclass(frozen=True)
class Interim:
    """How often trainings are saved while they run.

    Attributes:
        every: Steps of the schedule between two checkpoints: iterations or epochs.
        folder: Where they lie.
    """

    every: int
    folder: str

    def __post_init__(self) -> None:
        require_whole('The interval of checkpoints', self.every, 1)


def interim_file(settings: ProxySettings, trial: Trial) -> Path | None:
    """The checkpoint of the training of a trial, whether it is there or not; None if none are written.

    Its name depends on all that the training depends on, so that another training never goes on from it.
    """
    if settings.interim is None:
        return None
    kind = trial.role if trial.role in (Role.TRUNK, Role.PLAIN, Role.LEG) else None
    text = training_text(settings.config, settings.schedule, settings.schedulers, settings.trunk)
    text += repr((kind, trial.seed, trial.times, trial.begin, settings.checkpoint))
    if trial.genome:
        places = [(branch.name, branch.path) for branch in settings.branches]
        text += repr((places, sorted(trial.genome.to_text().items()), sorted(trial.weights.items())))
    return Path(settings.interim.folder) / f'{hashlib.sha256(text.encode()).hexdigest()[:16]}.pth'


def find_interim(settings: ProxySettings, trial: Trial) -> Begin | None:
    """The checkpoint from which the training of a trial goes on; None if there is none.

    Raises:
        SetupError: It cannot be read.
    """
    path = interim_file(settings, trial)
    if path is None or not path.is_file():
        return None
    try:
        return Begin(load_trunk(path.read_bytes()))
    except Exception as error:  # a damaged file may raise anything
        raise SetupError(
            f'The checkpoint {path} cannot be read ({type(error).__name__}): delete it to train from the beginning.'
        ) from error


class InterimHook(Hook):
    """Saves a training every few steps, but for its end.

    Args:
        every: Iterations of a training by iterations, epochs of one by epochs.
        steps: Those of the whole training.
        save: Called with each state (``take_state``).
    """

    priority = 'LOWEST'  # after the schedulers' step

    def __init__(self, every: int, steps: int | None, save: Callable[[dict[str, Any]], None]) -> None:
        self.every = every
        self.steps = steps
        self.save = save
        self._due = False

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Saves a training by iterations, where no gradients wait for further ones."""
        if not by_epoch(runner) and self._is_due(runner.iter + 1) and not _accumulates(runner):
            self._save(runner, runner.iter + 1, 0)

    def after_train_epoch(self, runner: Any) -> None:
        """Saves a training by epochs."""
        if by_epoch(runner) and self._is_due(runner.epoch + 1):
            self._save(runner, runner.iter, runner.epoch + 1)

    def _is_due(self, step: int) -> bool:
        self._due = (self._due or step % self.every == 0) and step != self.steps
        return self._due

    def _save(self, runner: Any, iterations: int, epochs: int) -> None:
        self._due = False
        self.save(take_state(runner, iterations, epochs))


def _accumulates(runner: Any) -> bool:
    """Whether the optimiser has gradients that it has not applied yet."""
    return (runner.iter + 1) % getattr(runner.optim_wrapper, '_accumulative_counts', 1) != 0


def save_interim(path: Path, checkpoint: dict[str, Any]) -> None:
    """Writes a checkpoint in place of the one before, atomically.

    Raises:
        SetupError: It cannot be written, or has objects that could not be loaded without running code.
    """
    try:
        save_trunk(path, checkpoint)
    except SetupError as error:
        raise SetupError(f'{error} Or train without checkpoints: --checkpoint-interval 0.') from None
