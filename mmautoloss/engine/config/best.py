"""The config that a user takes from a search: the training of the best losses."""

from __future__ import annotations

from mmengine.config import Config

from mmautoloss.engine.config.begin import CheckpointBegin, TrunkBegin
from mmautoloss.engine.config.late_losses import with_late_losses
from mmautoloss.engine.config.losses import with_custom_modules, with_losses
from mmautoloss.engine.config.spec import SearchSpec
from mmautoloss.engine.config.train_length import read_length
from mmautoloss.trial import Trial


def best_config(spec: SearchSpec, trial: Trial) -> Config:
    """The base config of a search with the losses of a trial, trained as the search has trained them.

    After a trunk, a hook exchanges the losses late in the training; from a checkpoint, the config goes on with that model
    as its candidates did.
    """
    genome, begin = trial.required_genome, spec.training.begin
    if isinstance(begin, TrunkBegin):
        held = begin.rate == 'held'
        config = with_late_losses(spec.base, spec.branches, genome, trial.weights, begin.at, held, begin.optimizer)
    else:
        config = with_losses(spec.base, spec.branches, genome, trial.weights)
    if isinstance(begin, CheckpointBegin):
        config.load_from = spec.training.checkpoint
        config.train_cfg = {'val_interval': read_length(spec.training.schedule).steps, **spec.training.schedule}
        if spec.training.schedulers is not None:
            config.param_scheduler = spec.training.schedulers
    return with_custom_modules(config, spec.proxy.config, spec.branches, genome)
