"""Values that are no boxes, such as coordinates, are screened by how close they come."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import parse
from mmautoloss.losses import plain_loss
from mmautoloss.screen import Probe, Sample
from mmautoloss.screen.calibration import calibrate
from mmautoloss.screen.rejection import RejectionTest
from mmautoloss.screen.value_metrics import closeness

TEST = RejectionTest(steps=80)
USEFUL = ('abs(p - y)', '(p - y) ** 2', 'log(1 + abs(p - y))')
USELESS = ('abs(p)', '-(p * y)', 'p', '-abs(p - y)', 'y * p ** 2')


def probe_of(scale: float, columns: int) -> Probe:
    """Calls with coordinates around the middle, as of regression heads and of DETR."""
    generator = torch.Generator().manual_seed(0)

    def draw(deviation: float) -> Tensor:
        return scale * (0.5 + deviation * torch.randn(40, columns, generator=generator))

    return Probe('delta', 'closeness', tuple(Sample(draw(0.02), draw(0.25), None, None) for _ in range(3)), {})


@pytest.mark.parametrize('scale', [0.3, 1.0, 4.0])
@pytest.mark.parametrize('columns', [1, 2, 4])
def test_useful_losses_pass_and_useless_ones_do_not(scale: float, columns: int) -> None:
    probe = probe_of(scale, columns)
    for text in (*USEFUL, *USELESS):
        gain = TEST.gain(plain_loss(parse(text), 'delta'), probe)
        assert (gain >= TEST.eta) == (text in USEFUL), (text, gain)
    assert calibrate(TEST, probe, plain_loss(parse('abs(p - y)'), 'delta')).holds(TEST.eta)


def test_closeness_falls_with_the_error_on_both_sides() -> None:
    target = torch.randn(50, 2)
    scores = [closeness(target + shift, target, {}) for shift in (0.0, 0.1, 1.0, 10.0)]
    assert scores == sorted(scores, reverse=True) and scores[0] == 1 and scores[-1] < 0.15
    assert closeness(target - 1, target, {}) == pytest.approx(scores[2], abs=1e-6)
    assert closeness(7 * target + 7, 7 * target, {}) == pytest.approx(scores[2], abs=1e-6), 'whatever the unit'
