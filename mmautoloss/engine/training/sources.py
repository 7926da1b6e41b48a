"""Configs for trainings outside a search, from a path, a Config or a dict."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmautoloss.branches import ModelLoss
from mmautoloss.engine.config.begin import read_begin
from mmautoloss.engine.config.branches import build_model, read_branches, with_aux
from mmautoloss.engine.config.known_types import require_imports, require_known
from mmautoloss.engine.config.read import is_search, read_config
from mmautoloss.engine.config.train_test import require
from mmautoloss.engine.data.datasets import apply_options
from mmautoloss.engine.data.ground_truth import require_matching_truth
from mmautoloss.errors import SetupError, in_setup
from mmautoloss.found import losses_of_model
from mmautoloss.proxy import plain_config


def read_training_source(source: Any, options: Mapping[str, Any]) -> tuple[Config, list[ModelLoss], dict[str, Any]]:
    """The config, the losses of its model, and its metric, rule and schedule."""
    cfg = read_config(source) if isinstance(source, (str, Path)) else _from_mapping(source)
    in_setup(lambda: apply_options(cfg, require_mapping('options', options)))
    needs = ('train_dataloader', 'train_cfg', 'optim_wrapper', 'val_dataloader', 'val_cfg', 'val_evaluator')
    require(cfg, str(cfg.filename or 'The config'), 'evaluated', needs, ('train', 'val'))
    require_matching_truth(cfg)
    require_known(cfg)
    if not is_search(cfg):
        return (
            cfg,
            losses_of_model(build_model(cfg)),
            {'metric': None, 'rule': 'greater', 'schedule': plain_config(cfg.train_cfg)},
        )
    search = cfg.train_cfg
    if read_begin(search.proxy.get('begin')) is not None:
        raise SetupError(
            f'The candidates of this search begin at proxy.begin={search.proxy.begin!r}, where a training of its own does '
            f'not: evaluate its base_config, {search.base_config}, or the best_config.py that it has written.'
        )
    aux = search.get('aux', 'search')
    cfg = with_aux(cfg, aux)
    places = losses_of_model(build_model(cfg), read_branches(search.branches, aux, cfg))
    return cfg, places, {'rule': 'greater', **search, 'schedule': plain_config(search.proxy.schedule)}


def _from_mapping(source: Any) -> Config:
    cfg = Config(copy.deepcopy(dict(require_mapping('cfg', source, 'a path, a Config or a dict'))))
    require_imports(cfg)
    return cfg


def require_mapping(name: str, value: Any, expected: str = 'a dict') -> Mapping[str, Any]:
    """The value, if it is a dict or a config.

    Raises:
        SetupError: It is neither.
    """
    if not isinstance(value, (Mapping, Config)):
        raise SetupError(f'{name} must be {expected}, but got {value!r}.')
    return value
