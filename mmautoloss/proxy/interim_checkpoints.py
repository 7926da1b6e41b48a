"""Checkpoints from which a training goes on after its process was killed; each takes the place of the one before."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.proxy.begin import Begin
from mmautoloss.proxy.digest import training_text
from mmautoloss.proxy.settings import ProxySettings
from mmautoloss.proxy.trunks import load_trunk, save_trunk
from mmautoloss.trial import Role, Trial


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


def save_interim(path: Path, checkpoint: dict[str, Any]) -> None:
    """Writes a checkpoint in place of the one before, atomically.

    Raises:
        SetupError: It cannot be written, or has objects that could not be loaded without running code.
    """
    try:
        save_trunk(path, checkpoint)
    except SetupError as error:
        raise SetupError(f'{error} Or train without checkpoints: --checkpoint-interval 0.') from None
