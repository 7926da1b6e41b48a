"""The settings of ``screen``: the rejection test, its probe, and which code runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmautoloss.checks import require_whole
from mmautoloss.engine.settings import build, plain_values
from mmautoloss.errors import SetupError
from mmautoloss.screen import FastScreen, OpenScreen, Probe, ProbeScreen, RejectionTest, Screen, UntestedScreen

BALANCES = ('gradient', 'none')


def _static(probe: Probe, *_: Any) -> Screen:
    return OpenScreen(probe.kind)


def _none(probe: Probe, *_: Any) -> Screen:
    return OpenScreen(probe.kind, static=False)


ENGINES: dict[str, Callable[..., Screen]] = {
    'fast': FastScreen,
    'plain': ProbeScreen,
    'untested': UntestedScreen,
    'static': _static,
    'none': _none,
}
"""What makes the screen of a branch, from its probe, the rejection test, the hand-made loss and whether to balance."""

_PROBE = {'samples': 5, 'balance': 'gradient', 'digits': 2, 'side': 48, 'engine': 'fast'}
"""Settings of ``screen`` that are not of the rejection test."""


def read_screen(settings: Mapping[str, Any]) -> tuple[RejectionTest, dict[str, Any]]:
    """The rejection test, and the settings of probe, weights and fingerprint."""
    numbers = {key: settings.get(key, default) for key, default in _PROBE.items()}
    samples, digits, side = (numbers[key] for key in ('samples', 'digits', 'side'))
    for name in ('samples', 'digits', 'side'):
        require_whole(f'screen.{name}', numbers[name], None)
    if min(samples, side) < 1 or digits < 0:
        raise SetupError(
            'screen.samples and screen.side must be at least 1, and screen.digits 0 (no fingerprints) or more, but got '
            f'{samples}, {side} and {digits}.'
        )
    if numbers['balance'] not in BALANCES:
        raise SetupError(f'screen.balance must be one of {", ".join(BALANCES)}, but got {numbers["balance"]!r}.')
    if numbers['engine'] not in ENGINES:
        raise SetupError(f'screen.engine must be one of {", ".join(ENGINES)}, but got {numbers["engine"]!r}.')
    return build('screen', RejectionTest, {k: v for k, v in settings.items() if k not in _PROBE}), numbers


def screen_header(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The engine is named unless it is the plain one, which was the only one: journals of that time can be continued."""
    engine = settings.get('engine', _PROBE['engine'])
    others = {key: value for key, value in plain_values(settings).items() if key != 'engine'}
    return others if engine == 'plain' else {**others, 'engine': engine}
