"""The settings of ``screen``: the rejection test, its probe, and which code runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mmautoloss.checks import require_whole
from mmautoloss.errors import SetupError
from mmautoloss.screen.fast import FastScreen
from mmautoloss.screen.probe import Objective, Probe
from mmautoloss.screen.rejection import RejectionTest
from mmautoloss.screen.screen import OpenScreen, ProbeScreen, Screen, UntestedScreen

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
"""Makers of a branch's screen, from its probe, the rejection test, the hand-made loss and whether to balance."""


@dataclass(frozen=True)
class ScreenSettings:
    """The settings of ``screen``.

    Attributes:
        test: The rejection test.
        samples: B, images of the probe.
        balance: ``'gradient'``, by which a candidate gets the weight whose gradient is as large as that of the hand-made
            loss, or ``'none'``.
        digits: Significant digits of a fingerprint; 0 for none.
        side: Pixels per side to which maps of the probe are subsampled.
        engine: The implementation; one of ``ENGINES``.

    Raises:
        SetupError: A setting is out of range.
    """

    test: RejectionTest = field(default_factory=RejectionTest)
    samples: int = 5
    balance: str = 'gradient'
    digits: int = 2
    side: int = 48
    engine: str = 'fast'

    def __post_init__(self) -> None:
        for name in ('samples', 'digits', 'side'):
            require_whole(f'screen.{name}', getattr(self, name), None)
        if min(self.samples, self.side) < 1 or self.digits < 0:
            raise SetupError(
                'screen.samples and screen.side must be at least 1, and screen.digits 0 (no fingerprints) or more, but '
                f'got {self.samples}, {self.side} and {self.digits}.'
            )
        if self.balance not in BALANCES:
            raise SetupError(f'screen.balance must be one of {", ".join(BALANCES)}, but got {self.balance!r}.')
        if self.engine not in ENGINES:
            raise SetupError(f'screen.engine must be one of {", ".join(ENGINES)}, but got {self.engine!r}.')

    def build(self, probes: Mapping[str, Probe], hand_made: Mapping[str, Objective]) -> dict[str, Screen]:
        """The screen of each branch.

        Args:
            probes: The probes, by branch.
            hand_made: The loss that the model has there, by branch.
        """
        screen, balanced = ENGINES[self.engine], self.balance == 'gradient'
        return {name: screen(probe, self.test, hand_made[name], balanced) for name, probe in probes.items()}
