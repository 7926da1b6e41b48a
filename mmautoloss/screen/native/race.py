"""The rejection test on parts of the probe: most expressions fall on a small one, within a few steps.

A part is descended like the whole, with looks at the gain on the way. What a part finds bad enough is turned down there.
What looks good is also begun on the next larger part: where that keeps up, the smaller one is believed, else the larger one
decides. The bounds were measured; ``docs/performance.md`` has the errors that they make.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from mmautoloss.screen.native.descent import ADAM, NORMALIZED, SGD
from mmautoloss.screen.native.lowering import Lowered
from mmautoloss.screen.native.part import scattered_part, tiled_part
from mmautoloss.screen.native.sample_arrays import DescentSettings, divisor_of
from mmautoloss.screen.native.scored_descent import ScoredDescent
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


LOOKS = (Look(0.05, -1.0, 2.0), Look(0.1, -0.01, 2.0), Look(0.25, 0.05, 0.8), Look(0.5, 0.13, 0.2))
"""On these shares of the steps hardly anything that is accepted in the end lies below, or the reverse above."""

LOOKS_AT_AREAS = (Look(0.05, -2.0, 2.0), Look(0.1, -2.0, 2.0), Look(0.25, -0.2, 0.8), Look(0.5, 0.13, 0.2))
"""Boxes that do not meet their targets yet may have to move away first."""


class Tier(NamedTuple):
    """A size of a part, and what it may say at its end.

    Attributes:
        elements: Numbers of the prediction.
        lowest: What gained less is turned down; in units of ``eta``.
        lowest_of_few: The same where the part is a few tiles of maps, which do not show every class.
        clear: What gained more may be taken; a share of the way from ``eta`` to 1.
    """

    elements: int
    lowest: float
    lowest_of_few: float
    clear: float


TIERS = (Tier(4096, 0.33, 0.2, 2.0), Tier(16384, 0.85, 0.4, 0.1), Tier(65536, 0.95, 0.7, 0.05))
"""Small parts, in this order."""

FEW_TILES = 64
""""Few" are less than these."""

LARGEST = 262144
"""Elements of the part that has the last word; a smaller probe has it itself."""

KEEPS_UP, BEGINNING = 0.75, (0.05, 0.1)
"""A part is believed where the next larger one has gained at least this share of it after these shares of the steps.

Losses whose gradient has a heavy tail, such as ``-(p ** 2 * y)``, pass easily on a part: the more elements there are, the
more their mean square is that of a few, and the slower go all others.
"""

OF_PLACES = frozenset({'BIoU', 'BF1', 'mask_iou', 'heatmap_pck'})
"""Metrics that need whole images; with them all is done on the whole probe."""


class Race:
    """The rejection test of one branch.

    Args:
        probe: Kind of input and metric.
        test: The settings of the test.
        sample: Where the test begins, ``test.sample(probe)``.
    """

    def __init__(self, probe: Probe, test: RejectionTest, sample: Sample) -> None:
        divisor = divisor_of(sample, probe.kind)
        settings = DescentSettings(_OPTIMIZERS[test.optimizer], test.steps, float(test.lr), bool(test.decay))
        self._eta = test.eta
        self._looks = LOOKS_AT_AREAS if probe.kind.activation == 'area' else LOOKS

        def descents(elements: int) -> _Descents:
            if probe.metric in OF_PLACES or elements > 0.75 * sample.pred.numel():
                whole = ScoredDescent(probe, sample, divisor, settings)
                return _Descents(whole, whole)
            scattered = ScoredDescent(probe, scattered_part(sample, probe.kind, elements), divisor, settings)
            if sample.pred.dim() != 4:  # rows have no neighbours
                return _Descents(scattered, scattered)
            return _Descents(
                scattered, ScoredDescent(probe, tiled_part(sample, probe.kind, elements), divisor, settings)
            )

        self._last = descents(LARGEST)
        smaller = [tier for tier in TIERS if 2 * tier.elements < self._last.scattered.size]
        self._tiers = [(tier, descents(tier.elements)) for tier in smaller if probe.metric not in OF_PLACES]

    def gain(self, program: Lowered) -> float | None:
        """The gain of an expression, from where it was clear: before the end, or on a part.

        Returns:
            A share of the largest possible gain; NaN where NaN or Inf came up, None where the gradient is zero from the
            start. ``eta`` parts accepted from rejected.
        """
        descents = [*(parts.of(program) for _, parts in self._tiers), self._last.of(program)]
        descents[0].load(program)
        for (tier, _), part, larger in zip(self._tiers, descents, descents[1:], strict=False):
            gain = self._finish(part)
            few = program.pools and part.images < FEW_TILES
            if not gain >= self._eta * (tier.lowest_of_few if few else tier.lowest):
                return _unless_still(gain, part)
            begun = [part.gain_at(share) for share in BEGINNING]
            larger.load(program)
            if gain >= self._above(tier.clear) and _keeps_up(larger, begun):
                return gain
        return _unless_still(self._finish(descents[-1]), descents[-1])

    def _finish(self, scored: ScoredDescent) -> float:
        """The gain at the first look that makes it clear, or at the end."""
        for look in self._looks:
            gain = scored.gain_at(look.share)
            if not self._eta * look.lowest <= gain <= self._above(look.highest):
                return gain
        return scored.gain_at(1.0)

    def _above(self, share: float) -> float:
        return self._eta + share * (1 - self._eta)


class _Descents(NamedTuple):
    """Descents on parts of one size, for expressions that look at no neighbours and for those that do."""

    scattered: ScoredDescent
    tiled: ScoredDescent

    def of(self, program: Lowered) -> ScoredDescent:
        return self.tiled if program.pools else self.scattered


def _keeps_up(larger: ScoredDescent, begun: list[float]) -> bool:
    """Whether a larger part gains about as much as a smaller one did; it goes on from there if it must decide."""
    return all(larger.gain_at(share) >= KEEPS_UP * gain for share, gain in zip(BEGINNING, begun, strict=True))


def _unless_still(gain: float, scored: ScoredDescent) -> float | None:
    return gain if scored.moved or math.isnan(gain) else None
