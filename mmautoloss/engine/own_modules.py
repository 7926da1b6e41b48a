"""The modules of users that a found loss needs wherever it is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from mmautoloss.expr import Genome, own_primitives
from mmautoloss.losses import is_own
from mmautoloss.proxy import Branch


def with_own_modules(cfg: Config, search: Mapping[str, Any], branches: Sequence[Branch], genome: Genome) -> Config:
    """The config with the ``custom_imports`` of the search, in place, if a loss has an operator or inputs of a user.

    Args:
        cfg: A plain config in which the losses stand.
        search: The search config.
        branches: The branches of the losses.
        genome: The losses.
    """
    named = (search.get('custom_imports') or {}).get('imports', ())
    own = own_primitives()
    needed = any(is_own(branch.inputs) or not own.keys().isdisjoint(genome[branch.name].nodes) for branch in branches)
    if named and needed:
        named = [named] if isinstance(named, str) else named
        given = (cfg.get('custom_imports') or {}).get('imports', ())
        given = [given] if isinstance(given, str) else given
        cfg.custom_imports = {'imports': list(dict.fromkeys([*given, *named])), 'allow_failed_imports': False}
    return cfg
