"""Trainings of a comparison that begin where the candidates of the search did."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmautoloss.engine.config.begin import CheckpointBegin, TrunkBegin
from mmautoloss.engine.config.candidate_training import CandidateTraining, training_from
from mmautoloss.errors import SetupError
from mmautoloss.execute import ExecuteSettings, build_executor, train_all
from mmautoloss.proxy import ProxyEvaluator, ProxySettings, Trunks, interim_file, training_text
from mmautoloss.trial import Role, Trial


def begun_settings(
    settings: ProxySettings,
    begin: TrunkBegin | CheckpointBegin | None,
    config: Config,
    folder: Path,
    given: Mapping[str, Any] | None = None,
) -> ProxySettings:
    """The settings of trainings that begin at a trunk or a checkpoint, with the length of a config.

    Args:
        settings: Those of a training from scratch.
        begin: Where; None for from scratch.
        config: The plain config that is trained.
        folder: Where trunks are saved, in a subfolder for each kind of training.
        given: A ``train_cfg`` in place of that of the config.
    """
    if begin is None:
        return replace(settings, schedulers=None, trunk=None, checkpoint='')
    training = training_from(begin, config, config, folder, given)
    trunk = training.trunk
    if trunk:
        trunk = replace(trunk, folder=str(folder / 'trunks' / _digest(settings, training)))
    return replace(
        settings,
        schedule=training.schedule,
        schedulers=training.schedulers,
        trunk=trunk,
        checkpoint=training.checkpoint,
    )


def with_trunks(
    trials: Sequence[Trial],
    settings: ProxySettings,
    execute: ExecuteSettings,
    evaluator: ProxyEvaluator,
    tell: Callable[[int, int], None] = lambda done, count: None,
) -> list[Trial]:
    """The trials with the trunks that they continue, of which missing ones are trained first.

    Args:
        trials: With their seeds.
        settings: Those of the trainings.
        execute: Where they run.
        evaluator: What trains in this process.
        tell: Called after each trunk with their number so far, and that of all.

    Raises:
        SetupError: A trunk cannot be trained.
    """
    if settings.trunk is None:
        return list(trials)
    seeds = sorted({trial.seed for trial in trials})
    known = {seed: saved for seed in seeds if (saved := Trunks(settings.trunk.folder).find(seed))}
    missing = [Trial(number, Role.TRUNK, seed) for number, seed in enumerate(seeds) if seed not in known]
    trained = train_all(build_executor(execute, settings, evaluator), missing) if missing else ()
    for done, (trial, outcome) in enumerate(trained, start=1):
        if outcome.saved is None:
            raise SetupError(f'The hand-made losses could not be trained with seed {trial.seed}:\n{outcome.reason}')
        known[trial.seed] = outcome.saved
        if path := interim_file(settings, trial):
            path.unlink(missing_ok=True)
        tell(done, len(missing))
    return [replace(trial, begin=known[trial.seed]) for trial in trials]


def _digest(settings: ProxySettings, training: CandidateTraining) -> str:
    """A word for the training of a trunk, so that those of another are not taken for it."""
    text = training_text(settings.config, training.schedule, training.schedulers, training.trunk)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
