"""Searches that are compared with each other, as changes of a config's ``train_cfg``."""

from __future__ import annotations

from typing import Any

# The published search; where the paper is silent, the settings of the small configs. Its first population is 20 there; with
# few trainings that would leave nothing to evolution.
_PUBLISHED = {
    'seeds': [],
    'strategy': {
        '_delete_': True,
        'type': 'RegularizedEvolution',
        'initial': 6,
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
_PROBES = _but(_INVALID_STOP, screen={'start': 'scattered', 'balance': 'gradient'})
PARTS: dict[str, dict[str, Any]] = {
    'random': {**_PUBLISHED, 'strategy': {'_delete_': True, 'type': 'RandomSearch'}},
    'evolution': _EVOLUTION,
    'rejection': _REJECTION,
    'equivalence': _EQUIVALENCE,
    'published': _INVALID_STOP,
    'probes': _PROBES,
    'ours': {'seeds': []},
    'rungs': {'seeds': [], 'proxy': {'rung': {'at': 0.3, 'keep': 0.5}}},
    'seeded': {},
    'untested': {'screen': {'engine': 'untested'}},
}
"""By name: each adds one part to the one before, and from ``ours`` on they are the config's own settings, first without its
seeds; the last one is the config without the rejection test."""

TITLES = {
    'random': 'random search',
    'evolution': 'evolution',
    'rejection': '+ rejection test',
    'equivalence': '+ gradient equivalence',
    'published': '+ invalid stop: all that is published',
    'probes': '+ scattered start, balance',
    'ours': (
        '+ larger tournaments, no copies, fewer fresh losses, up to three mutations of one branch, distinct parents, '
        'any NaN ends a training: ours without seeds'
    ),
    'rungs': 'ours without seeds, with rungs',
    'seeded': 'ours, as configured: with known losses as seeds',
    'untested': 'ours, as configured, but without the rejection test',
}
"""What a table calls the parts; a choice is called by its name. A first population is what the config or the arm says."""


def _one(section: str, **change: Any) -> dict[str, Any]:
    return {section: change}


CHOICES: dict[str, dict[str, Any]] = {
    'seeded': {},
    'initial=2': _one('strategy', initial=2),
    'initial=12': _one('strategy', initial=12),
    'steps=40': _one('screen', steps=40),
    'start=captured': _one('screen', start='captured'),
    'tournament=0.1': _one('strategy', tournament=0.1),
    'tournament=0.05': _one('strategy', tournament=0.05),
    'tournament=0.6': _one('strategy', tournament=0.6),
    'fresh_rate=0': _one('strategy', fresh_rate=0.0),
    'fresh_rate=0.5': _one('strategy', fresh_rate=0.5),
    'mutations=1': _one('strategy', mutations=1),
    'vary=all': _one('strategy', vary='all'),
    'distinct=False': _one('strategy', distinct=False),
    'balance=none': _one('screen', balance='none'),
    'aux=keep': {'aux': 'keep'},
    'aux=off': {'aux': 'off'},
}
"""By name: the config's own settings, and one of them changed."""

ARMS = {**PARTS, **CHOICES}
