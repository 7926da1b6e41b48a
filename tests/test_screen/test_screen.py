"""Verdicts, fingerprints and balance."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch

from mmautoloss.expr import parse, random_tree
from mmautoloss.losses import SearchedLoss, input_kind
from mmautoloss.screen import (
    OpenScreen,
    Probe,
    ProbeScreen,
    RejectionTest,
    Sample,
    balance_weight,
    fingerprint,
    gradient_norms,
    gradient_signature,
)
from tests.test_screen.conftest import hand_made, make_probe

QUICK = RejectionTest(steps=30, lr=0.1, eta=0.3)


def make_screen(inputs: str, balance: bool = True) -> ProbeScreen:
    probe = make_probe(inputs, rows=8, samples=2)
    return ProbeScreen(probe, QUICK, hand_made(inputs), balance)


@pytest.mark.parametrize(
    ('inputs', 'expression', 'reason'),
    [
        pytest.param('delta', 'y * 1', 'no prediction', id='target only'),
        pytest.param('delta', 'p * y - y * p', 'zero gradient', id='cancels'),
        pytest.param('delta', 'p ** 2', 'no target', id='prediction only'),
        pytest.param('delta', 'p + y', 'no target', id='target without effect'),
        pytest.param('delta', 'exp(exp(exp(exp(p + 9)))) * y', 'not finite', id='overflow'),
        pytest.param('delta', '-abs(p - y)', 'low gain', id='wrong way'),
        pytest.param('delta', 'abs(p - y)', 'accepted', id='L1'),
        pytest.param('softmax', 'mean_c(p) * y', 'low gain', id='sum of probabilities'),
        pytest.param('softmax', '-y * log(p)', 'accepted', id='cross-entropy'),
        pytest.param('area', '1 - i / u', 'accepted', id='IoU'),
        pytest.param('area', 'i / u', 'low gain', id='IoU, wrong way'),
    ],
)
def test_reasons(inputs: str, expression: str, reason: str) -> None:
    verdict = make_screen(inputs).judge(parse(expression))
    if expression == 'mean_c(p) * y':  # its gradient is rounding noise around 0
        assert verdict.reason in (reason, 'zero gradient')
    else:
        assert verdict.reason == reason
    assert verdict.accepted == (reason == 'accepted')


def test_open_screen_only_looks_at_the_text() -> None:
    screen = OpenScreen(input_kind('delta'))
    assert screen.judge(parse('-abs(p - y)')).accepted
    assert screen.judge(parse('p ** 2')).reason == 'no target'
    assert screen.judge(parse('y')).reason == 'no prediction'
    assert screen.fingerprint(screen.judge(parse('abs(p - y)')), 2) == ''


TWINS = [
    pytest.param('abs(p - y)', 'abs(y - p)', id='swapped'),
    pytest.param('(p - y) ** 2', '(p - y) * (p - y)', id='square'),
    pytest.param('abs(p - y)', 'mean_c(abs(p - y)) + y', id='mean and constant'),
    pytest.param('abs(p - y)', 'sqrt((p - y) ** 2)', id='beyond algebra'),
    pytest.param('abs(p - y)', '3 * abs(p - y)', id='multiple'),
]


@pytest.mark.parametrize(('one', 'other'), TWINS)
def test_twins_share_a_fingerprint(one: str, other: str) -> None:
    screen = make_screen('delta')
    texts = [screen.fingerprint(screen.judge(parse(text)), 2) for text in (one, other)]
    assert texts[0] == texts[1] != ''


def test_multiples_differ_where_scale_counts() -> None:
    screen = make_screen('delta', balance=False)
    texts = [screen.fingerprint(screen.judge(parse(t)), 2) for t in ('abs(p - y)', '3 * abs(p - y)')]
    assert texts[0] != texts[1]
    assert screen.judge(parse('3 * abs(p - y)')).weight == 1.0


def test_losses_differ() -> None:
    screen = make_screen('delta')
    texts = ('abs(p - y)', '(p - y) ** 2', 'tanh(abs(p - y))', 'abs(p - y) ** 2 * abs(p - y)')
    prints = {screen.fingerprint(screen.judge(parse(text)), 3) for text in texts}
    assert len(prints) == len(texts)


def test_fingerprint_of_the_hand_made_loss_is_that_of_its_formula(inputs: str) -> None:
    screen = make_screen(inputs)
    verdict = screen.judge(hand_made(inputs).graph.tree)
    assert screen.hand_made_fingerprint(2) == screen.fingerprint(verdict, 2)
    assert ProbeScreen(screen.probe, QUICK, None).hand_made_fingerprint(2) == ''


@pytest.mark.parametrize(
    ('norms', 'digits', 'text'),
    [
        ((0.12345, 67.8), 2, '1.2e-01 6.8e+01'),
        ((0.12345, 67.8), 1, '1e-01 7e+01'),
        ((0.12346,), 4, '1.235e-01'),
        ((), 2, ''),
    ],
)
def test_significant_digits(norms: tuple, digits: int, text: str) -> None:
    assert fingerprint(norms, digits) == text


@pytest.mark.parametrize('expression', ['7 * abs(p - y)', '(p - y) ** 2', '0.001 * exp(abs(p - y))'])
def test_balanced_gradient_is_as_long_as_the_reference(expression: str) -> None:
    screen = make_screen('delta')
    weight = screen.judge(parse(expression)).weight
    loss = SearchedLoss(expression, inputs='delta', loss_weight=weight)
    norms = gradient_norms(loss, screen.probe)
    total = math.hypot(*norms)
    reference = gradient_norms(hand_made('delta'), screen.probe)
    assert total == pytest.approx(math.hypot(*reference), rel=1e-5)
    apart = gradient_signature(loss, screen.probe.scattered())
    assert screen.judge(parse(expression)).signature == pytest.approx(apart, rel=1e-4)


def test_signature_knows_where_a_gradient_points() -> None:
    """The published norms do not: the gradient of an absolute value is as long everywhere."""
    probe = make_screen('delta').probe
    losses = [SearchedLoss(text, inputs='delta') for text in ('abs(p - y)', 'abs(p + y)')]
    norms = [gradient_norms(loss, probe) for loss in losses]
    assert norms[0] == pytest.approx(norms[1])
    prints = {fingerprint(gradient_signature(loss, probe), 2) for loss in losses}
    assert len(prints) == 2


@pytest.mark.parametrize(
    ('inputs', 'twin'),
    [
        pytest.param('sigmoid', '-(y * log(p) + (1 - y) * log(-p))', id='log(-p) for log(1 - p)'),
        pytest.param('softmax', '1 - y * p', id='probability for its logarithm'),
    ],
)
def test_losses_that_agree_only_on_an_untrained_network_differ(inputs: str, twin: str) -> None:
    """Where all predictions are alike, very different losses have the same gradient up to its length."""
    probe = make_screen(inputs).probe
    flat = replace(probe, samples=tuple(replace(s, pred=s.pred * 0) for s in probe.samples))
    screen = ProbeScreen(flat, QUICK, hand_made(inputs))
    loss = SearchedLoss(twin, inputs=inputs)
    norms, reference = gradient_norms(loss, flat), gradient_norms(hand_made(inputs), flat)
    assert [a / norms[0] for a in norms] == pytest.approx([b / reference[0] for b in reference], rel=1e-4)
    assert screen.fingerprint(screen.judge(parse(twin)), 2) != screen.hand_made_fingerprint(2)


def test_balance_weight() -> None:
    assert balance_weight((3.0, 4.0), (6.0, 8.0)) == pytest.approx(2.0)


def test_verdicts_depend_on_the_expression_alone() -> None:
    """Not on what was judged before: else a resumed search would differ from an unbroken one."""
    rng = random.Random(3)
    trees = [random_tree(rng, ('p', 'y'), 3) for _ in range(60)]
    trees += [parse(text) for pair in TWINS for text in pair.values]
    forward, backward = make_screen('delta'), make_screen('delta')
    verdicts = [forward.judge(tree) for tree in trees]
    assert verdicts == [backward.judge(tree) for tree in reversed(trees)][::-1]
    assert verdicts == [forward.judge(tree) for tree in trees]
    assert verdicts == [make_screen('delta').judge(tree) for tree in trees]


def test_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('mmautoloss.screen.screen._CACHE_SIZE', 2)
    screen = make_screen('delta')
    texts = ('abs(p - y)', '(p - y) ** 2', 'abs(p) - y * p', 'abs(p - y)')
    verdicts = [screen.judge(parse(text)) for text in texts]
    assert verdicts[0] == verdicts[-1] and len(screen._verdicts) == 2


def test_global_random_is_left_alone() -> None:
    before = torch.get_rng_state()
    make_screen('softmax').judge(parse('-y * log(p)'))
    assert torch.equal(torch.get_rng_state(), before)


def test_label_maps_may_be_bytes_with_pixels_that_are_ignored() -> None:
    """As image files hold them; there is no -1 among bytes."""
    generator = torch.Generator().manual_seed(0)
    pred, labels = torch.randn(2, 4, 8, 8, generator=generator), torch.randint(4, (2, 8, 8), generator=generator)
    labels[:, :2] = 255
    found = []
    for target in (labels, labels.byte()):
        sample = Sample(pred, target, None, None, 255)
        probe = Probe('softmax', 'mIoU', (sample,), {})
        screen = ProbeScreen(probe, QUICK, hand_made('softmax'))
        found.append((probe.score(pred, sample), screen.judge(parse('-y * log(p)')).gain))
    assert found[0] == found[1]
