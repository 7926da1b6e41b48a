"""Calibration: whether the rejection test separates good from useless losses on this model and data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from mmautoloss.errors import CalibrationError
from mmautoloss.screen.probe import Objective, Probe
from mmautoloss.screen.rejection import RejectionTest


class Calibration(NamedTuple):
    """Gains of three losses of known quality on one branch.

    Attributes:
        hand_made: The loss of the model; must pass.
        negated: The negated loss of the model; must fail.
        constant: A loss without gradient; must fail.
    """

    hand_made: float
    negated: float
    constant: float

    def holds(self, eta: float) -> bool:
        """Whether all three verdicts are correct (a gain that is not finite fails)."""
        return self.hand_made >= eta and not self.negated >= eta and not self.constant >= eta


def calibrate(test: RejectionTest, probe: Probe, hand_made: Objective) -> Calibration:
    """Runs the test on the three losses."""

    def negated(pred: Tensor, *args: object, **kwargs: object) -> Tensor:
        return -hand_made(pred, *args, **kwargs)

    def constant(pred: Tensor, *args: object, **kwargs: object) -> Tensor:
        return pred.new_ones(())

    return Calibration(*(test.gain(objective, probe) for objective in (hand_made, negated, constant)))


def require_calibrated(found: Mapping[str, Calibration], test: RejectionTest) -> None:
    """Checks that the test gives the correct verdicts on the calibration losses.

    Raises:
        CalibrationError: A verdict is wrong in some branch; the message has all gains and the remedy.
    """
    if all(calibration.holds(test.eta) for calibration in found.values()):
        return
    lines = [
        f'  {branch}: hand-made {_number(c.hand_made)} (must reach {test.eta}), negated {_number(c.negated)} and '
        f'constant {_number(c.constant)} (must stay below)'
        for branch, c in found.items()
    ]
    raise CalibrationError(
        'The rejection test does not tell the hand-made losses from useless ones:\n'
        + '\n'.join(lines)
        + f'\nNow: optimizer {test.optimizer!r}, steps {test.steps}, lr {test.lr}, eta {test.eta}. Raise screen.steps or '
        'screen.lr if a hand-made loss stays low, or lower screen.eta below its gain (all in train_cfg).'
    )


def _number(gain: float) -> str:
    return 'not finite' if math.isnan(gain) else f'{gain:.3f}'
