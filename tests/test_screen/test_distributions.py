"""Distributions over bins and qualities of boxes are screened: what is useful passes, what is useless does not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import parse
from mmautoloss.losses import input_kind, known_loss, plain_loss
from mmautoloss.screen import FastScreen, Probe, ProbeScreen, Sample
from mmautoloss.screen.calibration import calibrate
from mmautoloss.screen.rejection import RejectionTest

TEST = RejectionTest(steps=80)
USEFUL = {
    'bins': (known_loss('kl', 'bins'), '-y * log(p)', '-(sqrt(y) * log(p))'),
    'quality': (known_loss('qfl', 'quality'), '(q - p) ** 2', 'abs(p - q)'),
}
USELESS = {'bins': ('y * log(p)', 'p', '-p ** 2', 'y'), 'quality': ('p', '-p * y', '-(q - p) ** 2', '-log(p)')}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def probe_of(inputs: str) -> Probe:
    """Predictions of an untrained network, peaks of some bins or one object in four rows."""
    if inputs == 'bins':
        peaks = 20 + 15 * draw(60, 1, seed=1)
        target = (-(((torch.arange(40) - peaks) / 2) ** 2)).softmax(dim=1)
        return Probe('bins', 'overlap', (Sample(0.1 * draw(60, 40), target, None, None),), {})
    labels, quality = torch.arange(200) % 12, 0.3 + 0.6 * torch.rand(200, generator=torch.Generator().manual_seed(2))
    ((pred, target, _),) = input_kind('quality').calls(0.1 * draw(200, 3) - 2, (labels.clamp(max=3), quality), None)
    return Probe('quality', 'quality_closeness', (Sample(pred, target, None, 50.0),), {})


@pytest.mark.parametrize('inputs', USEFUL)
@pytest.mark.parametrize('screen', [ProbeScreen, FastScreen])
def test_what_passes(inputs: str, screen: type) -> None:
    probe = probe_of(inputs)
    hand_made = plain_loss(parse(USEFUL[inputs][0]), inputs)
    assert calibrate(TEST, probe, hand_made).holds(TEST.eta)
    judge = screen(probe, TEST, hand_made).judge
    found = {text: judge(parse(text)).reason for text in (*USEFUL[inputs], *USELESS[inputs])}
    assert [text for text, reason in found.items() if reason == 'accepted'] == list(USEFUL[inputs]), found
