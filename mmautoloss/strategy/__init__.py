"""Strategies, which propose the next loss."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mmautoloss.checks import nearest
from mmautoloss.errors import SetupError
from mmautoloss.extension import add
from mmautoloss.losses import InputKind
from mmautoloss.strategy.base import Draw, Drawn, Proposal, Strategy
from mmautoloss.strategy.evolution import RegularizedEvolution
from mmautoloss.strategy.evolution_strategy import CMAES
from mmautoloss.strategy.joint_numbers import read_templates
from mmautoloss.strategy.random_search import RandomSearch
from mmautoloss.strategy.reinforce import Reinforce

_SHIPPED = (RegularizedEvolution, RandomSearch, CMAES, Reinforce)

STRATEGIES: dict[str, type[Strategy]] = {cls.__name__: cls for cls in _SHIPPED}
"""Strategies by the name that configs use."""


def register_strategy(cls: type[Strategy]) -> type[Strategy]:
    """Class decorator that makes a strategy known by its name: ``strategy=dict(type='MyStrategy', ...)``.

    Raises:
        SetupError: The class is no strategy, or its name is taken.
    """
    if not (isinstance(cls, type) and issubclass(cls, Strategy)):
        raise SetupError(f'A strategy must be a child of Strategy, but got {cls!r}.')
    if inspect.isabstract(cls):
        raise SetupError(f'The strategy {cls.__name__} must say how it proposes: it has no method propose.')
    add('strategy', STRATEGIES, cls.__name__, cls)
    return cls


def build_strategy(
    settings: Mapping[str, Any], inputs: Mapping[str, tuple[str, ...]], kinds: Mapping[str, InputKind] | None = None
) -> Strategy:
    """A strategy from a config such as ``dict(type='RegularizedEvolution', initial=20)``.

    Args:
        settings: The config.
        inputs: Names that a graph may read, by branch.
        kinds: Kinds of input, by branch; None for a strategy that does not ask for them.

    Raises:
        SetupError: There is no such strategy, or it does not know a setting.
    """
    options = dict(settings)
    name = options.pop('type', None)
    if name not in STRATEGIES:
        raise SetupError(f'strategy.type must be one of {", ".join(STRATEGIES)}, but got {name!r}.')
    _require_settings(name, options)
    try:
        strategy = STRATEGIES[name](inputs, **options)
    except TypeError as error:
        raise SetupError(f'strategy {name}: {error}.') from None
    return strategy if kinds is None else strategy.for_kinds(kinds)


def _require_settings(name: str, options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(STRATEGIES[name]).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return  # it passes settings on, and says itself which it knows
    known = [key for key in parameters if key != 'inputs']
    for key in options:
        if key not in known:
            raise SetupError(
                f'strategy {name} has no setting {key}; there are {", ".join(known)}{nearest(key, known)}.'
            )


__all__ = [
    'CMAES',
    'STRATEGIES',
    'Draw',
    'Drawn',
    'Proposal',
    'RandomSearch',
    'RegularizedEvolution',
    'Reinforce',
    'Strategy',
    'build_strategy',
    'read_templates',
    'register_strategy',
]
