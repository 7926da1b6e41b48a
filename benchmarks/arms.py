"""Searches that are compared with each other, as changes of a config's ``train_cfg``."""

from __future__ import annotations

from typing import Any

# The published search; where the paper is silent, the settings of the small configs.
_PUBLISHED = {
    'seeds': [],
    'strategy': {
        '_delete_': True,
        'type': 'RegularizedEvolution',
        'initial': 20,
        'tournament': 0.05,
        'copy_rate': 0.1,
        'fresh_rate': 0.5,
        'vary': 'all',
    },
    'screen': {'engine': 'none', 'balance': 'none', 'digits': 0, 'start': 'captured'},
    'proxy': {'invalid_stop': 0},
}


def _but(settings: dict[str, Any], **changes: dict[str, Any]) -> dict[str, Any]:
    """The settings with some of a section replaced."""
    return {**settings, **{key: {**settings.get(key, {}), **value} for key, value in changes.items()}}


_EVOLUTION = _PUBLISHED
_REJECTION = _but(_EVOLUTION, screen={'engine': 'fast'})
_EQUIVALENCE = _but(_REJECTION, screen={'digits': 2})
_INVALID_STOP = _but(_EQUIVALENCE, proxy={'invalid_stop': 20})
PARTS: dict[str, dict[str, Any]] = {
    'random': {**_PUBLISHED, 'strategy': {'_delete_': True, 'type': 'RandomSearch'}},
    'evolution': _EVOLUTION,
    'rejection': _REJECTION,
    'equivalence': _EQUIVALENCE,
    'published': _INVALID_STOP,
    'ours': {'seeds': []},
    'rungs': {'seeds': [], 'proxy': {'rung': {'at': 0.3, 'keep': 0.5}}},
    'seeded': {},
}
"""By name: each of the first five adds one part, the rest are the config's own settings."""


def _one(section: str, **change: Any) -> dict[str, Any]:
    return {section: change}


CHOICES: dict[str, dict[str, Any]] = {
    'seeded': {},
    'initial=2': _one('strategy', initial=2),
    'initial=12': _one('strategy', initial=12),
    'steps=100': _one('screen', steps=100),
    'tournament=0.1': _one('strategy', tournament=0.1),
    'tournament=0.05': _one('strategy', tournament=0.05),
    'tournament=0.6': _one('strategy', tournament=0.6),
    'fresh_rate=0': _one('strategy', fresh_rate=0.0),
    'fresh_rate=0.5': _one('strategy', fresh_rate=0.5),
    'mutations=1': _one('strategy', mutations=1),
    'vary=all': _one('strategy', vary='all'),
    'distinct=False': _one('strategy', distinct=False),
    'balance=none': _one('screen', balance='none'),
    'rejection=no': _one('screen', engine='static'),
    'aux=keep': {'aux': 'keep'},
    'aux=off': {'aux': 'off'},
}
"""By name: the config's own settings, and one of them changed."""

ARMS = {**PARTS, **CHOICES}
