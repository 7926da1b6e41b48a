"""The rejection test on parts of the probe: most expressions are rejected on a small part within a few steps.

Each part is optimised like the whole probe, with interim looks at the gain. An expression with a low gain on a part is
rejected there. One with a high gain is also started on the next larger part: if its first gains there are similar, the
result of the smaller part is accepted, otherwise the larger part decides. A loss that reads the elapsed share of the
training may turn round later, so it is accepted at the end of the descent of the last part alone. The bounds were measured;
``docs/performance.md`` has the resulting errors.
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
    """An interim look at the gain.

    Attributes:
        share: Share of the steps after which it is taken.
        lowest: A lower gain is rejected; in units of ``eta``.
        highest: A higher gain is accepted; a share of the way from ``eta`` to 1.
    """

    share: float
    lowest: float
    highest: float


LOOKS = (Look(0.05, -1.0, 2.0), Look(0.1, -0.01, 2.0), Look(0.25, 0.05, 0.8), Look(0.5, 0.13, 0.2))
"""At these looks hardly any expression that would be accepted at the end is rejected, or the reverse."""

LOOKS_AT_AREAS = (Look(0.05, -2.0, 2.0), Look(0.1, -2.0, 2.0), Look(0.25, -0.2, 0.8), Look(0.5, 0.13, 0.2))
"""Looks for boxes, whose gain may fall first while they do not overlap their targets."""


class Tier(NamedTuple):
    """A size of a part and the bounds for its final gain.

    Attributes:
        elements: Number of predicted values.
        lowest: A lower gain is rejected; in units of ``eta``.
        lowest_of_few: Replaces ``lowest`` where the part has few tiles of maps, which do not contain every class.
        clear: A higher gain may be accepted; a share of the way from ``eta`` to 1.
    """

    elements: int
    lowest: float
    lowest_of_few: float
    clear: float


TIERS = (Tier(4096, 0.33, 0.2, 2.0), Tier(16384, 0.85, 0.4, 0.1), Tier(65536, 0.95, 0.7, 0.05))
"""Small parts, in the order of the tests."""

FEW_TILES = 64
"""Number of tiles below which a part has few."""

LARGEST = 262144
"""Elements of the last part; a smaller probe is used as a whole."""

MIN_RATIO, FIRST_SHARES = 0.75, (0.05, 0.1)
"""The result of a part is accepted where the next larger one has this share of its gains after these shares of the steps.

Losses whose gradient has a heavy tail, such as ``-(p ** 2 * y)``, pass more easily on a part: with more elements, few of
them dominate the mean square of the gradient, which slows down all others.
"""

WHOLE_IMAGE_METRICS = frozenset({'BIoU', 'BF1', 'mask_iou', 'heatmap_pck'})
"""Metrics that need whole images and so the whole probe."""


class Race:
    """The rejection test of one branch.

    Args:
        probe: Kind of input and metric.
        test: The settings of the test.
        sample: The initial predictions, ``test.sample(probe)``.
    """

    def __init__(self, probe: Probe, test: RejectionTest, sample: Sample) -> None:
        divisor = divisor_of(sample, probe.kind)
        settings = DescentSettings(_OPTIMIZERS[test.optimizer], test.steps, float(test.lr), bool(test.decay))
        self._eta = test.eta
        self._looks = LOOKS_AT_AREAS if probe.kind.activation == 'area' else LOOKS

        def descents(elements: int) -> _Descents:
            if probe.metric in WHOLE_IMAGE_METRICS or elements > 0.75 * sample.pred.numel():
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
        self._tiers = [(tier, descents(tier.elements)) for tier in smaller if probe.metric not in WHOLE_IMAGE_METRICS]

    def gain(self, program: Lowered) -> float | None:
        """The gain of an expression at the step and on the part where its verdict is clear.

        Returns:
            A share of the largest possible gain; NaN where NaN or Inf occurred, None where the gradient is zero from the
            start. Gains of at least ``eta`` are accepted.
        """
        descents = [*(parts.of(program) for _, parts in self._tiers), self._last.of(program)]
        descents[0].load(program)
        for (tier, _), part, larger in zip(self._tiers, descents, descents[1:], strict=False):
            gain = self._finish(part, program)
            few = program.pools and part.images < FEW_TILES
            if not gain >= self._eta * (tier.lowest_of_few if few else tier.lowest):
                return _gain_or_none(gain, part)
            first_gains = [part.gain_at(share) for share in FIRST_SHARES]
            larger.load(program)
            clear = gain >= self._threshold(tier.clear) and not program.reads_elapsed
            if clear and _is_confirmed(larger, first_gains):
                return gain
        return _gain_or_none(self._finish(descents[-1], program), descents[-1])

    def _finish(self, scored: ScoredDescent, program: Lowered) -> float:
        """The gain at the first look with a clear verdict, or at the end."""
        for look in self._looks:
            gain = scored.gain_at(look.share)
            highest = math.inf if program.reads_elapsed else self._threshold(look.highest)
            if not self._eta * look.lowest <= gain <= highest:
                return gain
        return scored.gain_at(1.0)

    def _threshold(self, share: float) -> float:
        return self._eta + share * (1 - self._eta)


class _Descents(NamedTuple):
    """Descents on parts of one size, for expressions without pools (scattered) and with pools (tiled)."""

    scattered: ScoredDescent
    tiled: ScoredDescent

    def of(self, program: Lowered) -> ScoredDescent:
        return self.tiled if program.pools else self.scattered


def _is_confirmed(larger: ScoredDescent, first_gains: list[float]) -> bool:
    """Whether a larger part has similar first gains; its descent can be continued from there."""
    return all(
        larger.gain_at(share) >= MIN_RATIO * gain for share, gain in zip(FIRST_SHARES, first_gains, strict=True)
    )


def _gain_or_none(gain: float, scored: ScoredDescent) -> float | None:
    return gain if scored.moved or math.isnan(gain) else None
