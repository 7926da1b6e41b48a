"""The rejection test on parts of the probe: most expressions fall on a small one, within a few steps.

A part is descended like the whole, with looks at the gain on the way. What a part finds bad enough is turned down there. What
looks good is also begun on the whole probe: where both go the same way, the part is believed, else the whole is descended to
the end. The bounds were measured; ``docs/performance.md`` has the errors that they make.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mmautoloss.screen.native.descent import ADAM, NORMALIZED, SGD
from mmautoloss.screen.native.field import Course, divisor_of
from mmautoloss.screen.native.ground import Ground
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.native.part import scattered_part, tiled_part
from mmautoloss.screen.native.table import Table
from mmautoloss.screen.probe import Probe, Sample
from mmautoloss.screen.rejection import RejectionTest

_OPTIMIZERS = {'normalized': NORMALIZED, 'sgd': SGD, 'adam': ADAM}


class Look(NamedTuple):
    """A look at the gain.

    Attributes:
        share: Share of the steps after which it is taken.
        lowest: What gained less is turned down; in units of ``eta``.
        highest: What gained more is taken; a share of the way from ``eta`` to 1.
    """

    share: float
    lowest: float
    highest: float


LOOKS = (Look(0.05, -1.0, 2.0), Look(0.1, -0.1, 2.0), Look(0.25, 0.0, 0.8), Look(0.5, 0.15, 0.3))
"""On the way: on these shares of the steps hardly anything that is accepted in the end lies below, or the reverse above."""


class Tier(NamedTuple):
    """A size of a part, and what it may decide at its end.

    Attributes:
        elements: Numbers of the prediction.
        lowest: What gained less is turned down; in units of ``eta``.
        lowest_tiled: The same for expressions with pools, which see fewer places.
    """

    elements: int
    lowest: float
    lowest_tiled: float


TIERS = (Tier(4096, 0.33, 0.2), Tier(32768, 0.9, 0.4))
"""Small parts, in this order, before the whole is touched."""

CLEAR = 0.1
"""How far above ``eta`` a part must end to be believed; a share of the way from ``eta`` to 1."""

SAME_WAY, BEGINNING = 0.08, (0.05, 0.1)
"""A part goes the way of the whole where their gains differ by less than this, after these shares of the steps."""


OF_PLACES = frozenset({'BIoU', 'BF1', 'mask_iou', 'heatmap_pck'})
"""Metrics that need whole images; with them all is done on the whole probe."""


class Race:
    """The rejection test of one branch.

    Args:
        probe: Samples and metric.
        test: The settings of the test.
        table: Room to work in.
    """

    def __init__(self, probe: Probe, test: RejectionTest, table: Table) -> None:
        sample = test.sample(probe)
        divisor = divisor_of(sample, probe.kind)
        course = Course(_OPTIMIZERS[test.optimizer], test.steps, test.lr, test.decay)
        self._eta = test.eta
        self._whole = Ground(probe, sample, divisor, table, course)
        self._parts: list[tuple[Tier, Ground, Ground]] = []
        for tier in TIERS if probe.metric not in OF_PLACES else ():
            if 2 * tier.elements < self._whole.size:
                parts = _parts(probe, sample, tier.elements)
                self._parts.append((tier, *(Ground(probe, part, divisor, table, course) for part in parts)))

    def gain(self, program: Lowered) -> float | None:
        """The gain of an expression, from where it was clear: before the end, or on a part.

        Returns:
            A share of the largest possible gain; NaN where NaN or Inf came up, None where the gradient is zero from the
            start. ``eta`` parts accepted from rejected.
        """
        part, gain = None, math.nan
        for tier, scattered, tiled in self._parts:
            part, lowest = (tiled, tier.lowest_tiled) if program.pools else (scattered, tier.lowest)
            part.load(program)
            gain = self._finish(part)
            if not gain >= self._eta * lowest:
                return gain if part.moved or math.isnan(gain) else None
        self._whole.load(program)
        if part is not None and gain >= self._above(CLEAR) and self._go_the_same_way(part):
            return gain
        gain = self._finish(self._whole)
        return gain if self._whole.moved or math.isnan(gain) else None

    def _finish(self, ground: Ground) -> float:
        """The gain at the first look that makes it clear, or at the end."""
        for look in LOOKS:
            gain = ground.gain_at(look.share)
            if not self._eta * look.lowest <= gain <= self._above(look.highest):
                return gain
        return ground.gain_at(1.0)

    def _above(self, share: float) -> float:
        return self._eta + share * (1 - self._eta)

    def _go_the_same_way(self, part: Ground) -> bool:
        return all(abs(self._whole.gain_at(share) - part.gain_at(share)) < SAME_WAY for share in BEGINNING)


def _parts(probe: Probe, sample: Sample, elements: int) -> tuple[Sample, Sample]:
    scattered = scattered_part(sample, probe.kind, elements)
    return scattered, tiled_part(sample, probe.kind, elements) if sample.pred.dim() == 4 else scattered
