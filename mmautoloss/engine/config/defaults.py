"""The settings of a search: their names, defaults and types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmautoloss.checks import require_flag
from mmautoloss.engine.config.sections import require_dict
from mmautoloss.errors import SetupError
from mmautoloss.trial import AGGREGATES

REQUIRED = ('base_config', 'branches', 'metric', 'proxy')
DEFAULTS: dict[str, Any] = {
    'rule': 'greater',
    'aux': 'search',
    'tasks': {},
    'aggregate': 'gain',
    'strategy': {'type': 'RegularizedEvolution'},
    'progress': False,
    'screen': {},
    'seeds': (),
    'budget': {},
    'execute': {},
    'seed': 0,
    'resume': False,
    'describe': {},
    'results': None,
    'report': True,
    'verbose': False,
    'options': {},
    'allow_leak': False,
}
"""The optional settings of a ``SearchLoop``, which documents their meaning."""

RULES = ('greater', 'less')


def check_types(settings: Mapping[str, Any]) -> None:
    """Checks the types that the sections do not check themselves.

    Raises:
        SetupError: A setting has a wrong type.
    """
    for name in ('tasks', 'strategy', 'screen', 'budget', 'execute', 'describe', 'options', 'proxy'):
        require_dict(name, settings[name])
    for name in ('resume', 'report', 'verbose', 'allow_leak', 'progress'):
        require_flag(name, settings[name])
    if not isinstance(settings['base_config'], str):
        raise SetupError(f'base_config must be the path of a config, but got {settings["base_config"]!r}.')
    if not isinstance(settings['results'], str | None):
        raise SetupError(f'results must be the path of a CSV file or None, but got {settings["results"]!r}.')
    if not isinstance(settings['branches'], (str, list, tuple, Mapping)):
        raise SetupError(f"branches must be 'all', a list of paths or a dict, but got {settings['branches']!r}.")
    if not isinstance(settings['seeds'], (list, tuple)):
        raise SetupError(f'seeds must be a list of losses, but got {settings["seeds"]!r}.')
    if settings['aggregate'] not in AGGREGATES:
        raise SetupError(f'aggregate must be one of {", ".join(AGGREGATES)}, but got {settings["aggregate"]!r}.')
    if settings['rule'] not in RULES:
        raise SetupError(f'rule must be one of {", ".join(RULES)}, but got {settings["rule"]!r}.')
