"""Losses of embeddings are screened: what draws identities together or apart passes, what mixes them does not."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.expr import parse
from mmautoloss.losses import input_kind, known_loss, plain_loss
from mmautoloss.screen import FastScreen, Probe, ProbeScreen, Sample
from mmautoloss.screen.calibration import calibrate
from mmautoloss.screen.fingerprints import fingerprint
from mmautoloss.screen.rejection import RejectionTest
from mmautoloss.screen.value_metrics import apart

TEST = RejectionTest(steps=80)
USEFUL = {
    'triplet': (known_loss('triplet', 'triplet'), known_loss('triplet_soft', 'triplet'), 'a / n', 'a ** 2 - n'),
    'cosine': (known_loss('arcface', 'cosine'), known_loss('normface', 'cosine'), '(c - y) ** 2'),
    'pairs': (known_loss('contrastive', 'pairs'), known_loss('sup_con', 'pairs'), '(p - y) ** 2'),
}
USELESS = {
    'triplet': ('a', 'n', '-a', 'n - a', 'n / a', '-n', 'a + n'),
    'cosine': ('c', '-c', 'y * c', '-(c - y) ** 2'),
    'pairs': ('p', '-p', 'p * y', '-(p - y) ** 2', '(p + y) ** 2'),
}


def probe(inputs: str = 'triplet') -> Probe:
    if inputs == 'cosine':
        generator = torch.Generator().manual_seed(0)
        pred = 0.1 * torch.randn(60, 5, generator=generator)
        return Probe('cosine', 'softmax_recall', (Sample(pred, torch.arange(60) % 5, None, 60.0),), {})

    """Four batches of eight identities, of forty in all, and embeddings that are nearly the same."""
    generator = torch.Generator().manual_seed(0)
    samples = []
    for _ in range(4):
        identities = torch.randperm(40, generator=generator)[:8].repeat_interleave(4)
        samples.append(Sample(0.1 * torch.randn(32, 16, generator=generator), identities, None, None))
    return Probe(inputs, input_kind(inputs).metric, tuple(samples), {})


@pytest.mark.parametrize('inputs', USEFUL)
@pytest.mark.parametrize('screen', [ProbeScreen, FastScreen])
def test_what_passes(screen: type, inputs: str) -> None:
    hand_made = plain_loss(parse(USEFUL[inputs][0]), inputs)
    assert calibrate(TEST, probe(inputs), hand_made).holds(TEST.eta)
    judge = screen(probe(inputs), TEST, hand_made).judge
    found = {text: judge(parse(text)).reason for text in (*USEFUL[inputs], *USELESS[inputs])}
    assert [text for text, reason in found.items() if reason == 'accepted'] == list(USEFUL[inputs]), found


def test_one_loss_has_one_fingerprint() -> None:
    judge = ProbeScreen(probe(), TEST, plain_loss(parse(USEFUL['triplet'][0]), 'triplet')).judge
    one, same, other = (
        fingerprint(judge(parse(text)).signature) for text in ('a - n', '0.5 * (a + a) - n', 'a ** 2 - n')
    )
    assert one == same != other


def test_apart_is_the_share_of_rows_nearer_to_all_of_their_own() -> None:
    pred = torch.tensor([[0.0], [1.0], [1.5], [9.0], [20.0]])
    assert apart(pred, torch.tensor([0, 0, 1, 1, 2]), {}) == 0.5  # the last has no other
    assert apart(pred, torch.tensor([0, 0, 0, 1, 1]), {}) == 0.8
    assert apart(pred, torch.arange(5), {}) == 0
