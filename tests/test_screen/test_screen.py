"""Verdicts, fingerprints and balance."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import parse, random_tree
from mmautoloss.losses import INPUT_KINDS, SearchedLoss, input_kind
from mmautoloss.screen import (
    FastScreen,
    OpenScreen,
    Probe,
    ProbeScreen,
    RejectionTest,
    Sample,
    UntestedScreen,
    balance_weight,
    fingerprint,
    gradient_norms,
    gradient_signature,
)
from tests.test_screen.conftest import hand_made, make_probe
from tests.test_screen.test_native.conftest import loss_by_hand, make_calls

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
        ((1.0, math.nan), 2, ''),
        ((-math.inf, 2.0), 2, ''),
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


OVERFLOWS = {
    'a term times 0': ('delta', 'abs(p - y) + (1 - 1) * exp(exp(exp(exp(p))))'),
    'a term times log(1)': ('delta', 'abs(p - y) - log(1) * exp(exp(exp(exp(9 * p))))'),
    'a term without gradient': ('delta', 'abs(p - y) + exp(exp(exp(exp(y * 9))))'),
    'such a term in a class branch': ('softmax', '-y * log(p) + exp(exp(exp(exp(y + 1))))'),
    'a constant': ('sigmoid', 'p * (1 - y) - p * y + exp(100) * y'),
    'constants': ('delta', 'abs(p - y) + 1e30 * 1e30 * y'),
    'a constant alone': ('delta', 'abs(p - y) + exp(exp(9))'),
    'on the way': ('delta', 'abs(p - y) * 1e30 * 1e30 * 1e-30 * 1e-30'),
    'in another order': ('delta', 'abs(p - y) + (exp(y * 0 + 70) * exp(abs(y) + 70)) * (y * 1e-30)'),
    'a value that has no slope': ('area', '1 - i / u + tanh(exp(90 * i / i)) * 0'),
}


@pytest.mark.parametrize(('inputs', 'text'), OVERFLOWS.values(), ids=OVERFLOWS)
@pytest.mark.parametrize('engine', [ProbeScreen, UntestedScreen, FastScreen])
def test_loss_that_overflows_is_never_taken_for_one_that_does_not(engine: type, inputs: str, text: str) -> None:
    """It would be credited with a score, and end at once in a training."""
    screen = engine(make_probe(inputs, rows=8, samples=2), QUICK, hand_made(inputs))
    verdict = screen.judge(parse(text))
    assert not verdict.accepted and screen.fingerprint(screen.weigh(parse(text)), 2) == ''


@pytest.mark.parametrize('engine', [ProbeScreen, UntestedScreen, FastScreen])
def test_losses_whose_gradient_is_nan_where_they_are_compared_share_nothing(engine: type) -> None:
    """Finite at the captured predictions, and not at those about them."""
    screen = engine(make_probe('delta', rows=8, samples=2), QUICK, hand_made('delta'))
    for text in (
        'exp(exp(9 * abs(p)) ** 2) * y',
        'exp(exp(9 * abs(p)) * 2) / y',
        'abs(p - y) + exp(exp(9 * p) ** 2) * y',
    ):
        verdict = screen.judge(parse(text))
        assert not verdict.accepted and verdict.signature == ()


def element_weights() -> Probe:
    probe = make_probe('delta', rows=8, samples=2)
    weights = torch.tensor([1.0, 1.0, 5.0, 0.1])
    return replace(probe, samples=tuple(replace(s, weight=s.weight * weights) for s in probe.samples))


def unseen_keypoints() -> Probe:
    """Another one in each image."""
    probe = make_calls('heatmap')
    seen = (1 - torch.eye(4)).split(1)
    return replace(probe, samples=tuple(replace(s, weight=w) for s, w in zip(probe.samples, seen, strict=False)))


@pytest.mark.parametrize(
    ('probe', 'by_hand', 'one', 'other'),
    [
        pytest.param(element_weights, 'delta', 'abs(p - y)', 'mean_c(abs(p - y))', id='weights of elements'),
        pytest.param(
            unseen_keypoints,
            'heatmap',
            '(mean_c(mean_nhw(p)) - mean_c(y)) ** 2 + (p - y) ** 2',
            '(mean_nhw(mean_c(p)) - mean_c(y)) ** 2 + (p - y) ** 2',
            id='masks by channel',
        ),
    ],
)
@pytest.mark.parametrize('engine', [ProbeScreen, FastScreen])
def test_losses_are_one_only_if_they_are_on_what_a_branch_is_trained_on(
    probe: Callable[[], Probe], by_hand: str, one: str, other: str, engine: type
) -> None:
    screen = engine(probe(), QUICK, loss_by_hand(by_hand))
    verdicts = [screen.weigh(parse(text)) for text in (one, other)]
    assert screen.fingerprint(verdicts[0], 3) != screen.fingerprint(verdicts[1], 3)
    for text, verdict in zip((one, other), verdicts, strict=True):
        norms = gradient_norms(SearchedLoss(text, inputs=by_hand, loss_weight=verdict.weight), screen.probe)
        assert math.hypot(*norms) == pytest.approx(math.hypot(*screen._reference), rel=1e-4)


def test_pools_count_wherever_a_kind_makes_maps_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of predictions that look like rows."""
    kind = type(input_kind('delta'))

    class Signal(kind):
        def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
            return {name: each.unflatten(1, (1, 1, -1)) for name, each in (('p', pred), ('y', target))}

    probe = make_probe('delta', rows=8, samples=2)
    monkeypatch.setitem(INPUT_KINDS, 'delta', Signal())
    screen = ProbeScreen(probe, QUICK, None)
    texts = ('abs(p - y)', 'abs(maxpool(p) - y)')
    assert len({screen.weigh(parse(text)).signature for text in texts}) == 2


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
