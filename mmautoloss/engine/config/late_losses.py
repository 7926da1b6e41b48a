"""Configs in which found losses take over late in the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmautoloss.branches import Branch, build_replacements
from mmautoloss.engine.config.branches import build_model
from mmautoloss.engine.config.held_rate import hold_rate
from mmautoloss.engine.config.losses import training_hooks
from mmautoloss.engine.config.train_length import read_length
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.expr import Genome
from mmautoloss.proxy import type_name

_HOOK = 'mmautoloss.LossSwitchHook'


def with_late_losses(
    cfg: Config,
    branches: Sequence[Branch],
    genome: Genome,
    weights: Mapping[str, float],
    at: float,
    hold: bool = False,
    optimizer: str = 'keep',
) -> Config:
    """Adds the hook that exchanges losses at a share of the training, in place.

    Args:
        cfg: A plain config.
        branches: Places of the losses.
        genome: The losses, by name of the branch.
        weights: Their weights.
        at: The share of the training, between 0 and 1.
        hold: Whether the learning rate is held until then, and falls to 0 from there (``hold_rate``).
        optimizer: Whether the optimiser's state is kept there, ``'keep'`` or ``'new'``.

    Raises:
        SetupError: A loss cannot be exchanged in the model, the share is not within the training, the config has such a
            hook, or its rate cannot be held.
    """
    losses = {b.path: b.config(str(genome[b.name]), weights[b.name]) for b in branches}
    read_length(cfg.get('train_cfg')).step(at)
    hooks = list(cfg.get('custom_hooks') or [])
    for place, hook in training_hooks(cfg):
        if type_name(hook.get('type')) == type_name(_HOOK):
            raise SetupError(
                f'The config has a LossSwitchHook in its {place}: take it out, or change its losses by hand.'
            )
    _require_exchangeable(cfg, losses)
    if hold:
        cfg.param_scheduler = hold_rate(cfg.get('param_scheduler'), cfg.train_cfg, at)
    hook = {'type': _HOOK, 'at': at, 'losses': losses, **({} if optimizer == 'keep' else {'optimizer': optimizer})}
    cfg.custom_hooks = [*hooks, hook]
    return cfg


def _require_exchangeable(cfg: Config, losses: Mapping[str, Mapping[str, Any]]) -> None:
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        build_replacements(build_model(cfg), losses, lambda config: in_setup(lambda: MODELS.build(config)))
