"""The searched losses of a config, and the treatment of auxiliary heads of semantic segmentation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import Tensor, nn

from mmautoloss.branches import Branch, build_branches
from mmautoloss.errors import SetupError, in_setup

AUX = ('search', 'keep', 'off')
"""Auxiliary heads: searched like any head, trained with their hand-made loss, or removed from the model."""

_HEAD = 'auxiliary_head'


def read_branches(settings: Any, aux: str, base: Config) -> tuple[Branch, ...]:
    """The searched losses of the model in a plain config.

    Args:
        settings: ``branches`` of the search config.
        aux: One of ``AUX``.
        base: The plain config, already ``with_aux``.

    Raises:
        SetupError: A setting cannot work, or nothing is left to search.
    """
    if aux != 'search' and isinstance(settings, Mapping):
        settings = {name: entry for name, entry in settings.items() if not _is_aux(_path(entry))}
    branches = build_branches(settings, lambda: build_model(base))
    if aux == 'keep':
        branches = tuple(branch for branch in branches if not _is_aux(branch.path))
    if not branches:
        raise SetupError(f'aux={aux!r} leaves no loss to search; name one outside {_HEAD} in branches.')
    return branches


def names_left_out(settings: Any, branches: Collection[Branch]) -> set[str]:
    """Names in the config that ``aux`` excludes from the search."""
    return set(settings) - {branch.name for branch in branches} if isinstance(settings, Mapping) else set()


def with_aux(cfg: Config, aux: str) -> Config:
    """The config with or without the auxiliary heads of its model.

    Raises:
        SetupError: ``aux`` is no such setting, or the config has no model.
    """
    if aux not in AUX:
        raise SetupError(f'aux must be one of {", ".join(AUX)}, but got {aux!r}.')
    if not _model(cfg).get(_HEAD) or aux != 'off':
        return cfg
    cfg = copy.deepcopy(cfg)
    cfg.model[_HEAD] = None
    return cfg


def hand_made_losses(base: Config, branches: Collection[Branch]) -> dict[str, Callable[..., Tensor]]:
    """The hand-made losses of the model in a plain config, by branch, on the CPU."""
    model = build_model(base)
    return {branch.name: branch.objective(model) for branch in branches}


def build_model(cfg: Config) -> nn.Module:
    """The model of a plain config, without loading weights.

    Raises:
        SetupError: The config has no model, or it cannot be built.
    """
    model = copy.deepcopy(_model(cfg))
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope')):
        return in_setup(lambda: MODELS.build(model))


def _model(cfg: Config) -> dict[str, Any]:
    if not isinstance(cfg.get('model'), dict):
        raise SetupError(f'{cfg.filename or "The config"} has no model: model=dict(type=...) is needed.')
    return cfg.model


def _path(entry: Any) -> str:
    return str(entry.get('path') if isinstance(entry, Mapping) else entry)


def _is_aux(path: str) -> bool:
    return path.split('.')[0] == _HEAD
