"""Where the next loss comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.errors import SetupError
from mmautoloss.strategy.base import Draw, Drawn, Proposal, Strategy
from mmautoloss.strategy.evolution import RegularizedEvolution
from mmautoloss.strategy.random_search import RandomSearch

STRATEGIES: dict[str, type[Strategy]] = {cls.__name__: cls for cls in (RegularizedEvolution, RandomSearch)}
"""Strategies by the name that configs use."""


def build_strategy(settings: Mapping[str, Any], inputs: Mapping[str, tuple[str, ...]]) -> Strategy:
    """A strategy from a config such as ``dict(type='RegularizedEvolution', initial=20)``.

    Raises:
        SetupError: There is no such strategy, or it does not know a setting.
    """
    options = dict(settings)
    name = options.pop('type', None)
    if name not in STRATEGIES:
        raise SetupError(f'strategy.type must be one of {", ".join(STRATEGIES)}, but got {name!r}.')
    try:
        return STRATEGIES[name](inputs, **options)
    except TypeError as error:
        raise SetupError(f'strategy {name}: {error}.') from None


__all__ = [
    'STRATEGIES',
    'Draw',
    'Drawn',
    'Proposal',
    'RandomSearch',
    'RegularizedEvolution',
    'Strategy',
    'build_strategy',
]
