"""Losses that read the elapsed share of the training, in the plain and in the compiled screen."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import parse, random_tree
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.losses import SearchedLoss, plain_loss
from mmautoloss.losses.elapsed import elapsed_share
from mmautoloss.screen import (
    ACCEPTED,
    FastScreen,
    ProbeScreen,
    RejectionTest,
    balance_weight,
    calibrate,
    gradient_norms,
    gradient_signature,
)
from mmautoloss.screen.fingerprints import SHARES
from mmautoloss.screen.native.fingerprints import SampleGradients
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.sample_arrays import DescentSettings, SampleArrays, divisor_of
from tests.test_screen.test_native.conftest import CALLS, KNOWN, loss_by_hand, make_calls

QUICK = RejectionTest(steps=30, lr=0.2, eta=0.5, early=0)


def losses_of(calls: str) -> tuple[str, ...]:
    """Schedules of the hand-made loss and of another one, with the share in every kind of place."""
    known = str(loss_by_hand(calls).graph.tree)
    other = 'e / i' if calls == 'area' else '(p - y) ** 2'
    return (
        f'(1 - t) * ({known}) + t * ({other})',
        f't * ({known})',
        f'({known}) * exp(-3 * t) + mean_nhw(t) * ({other})',
        f'(1 - 4 * t) * ({known})',  # from a quarter on it climbs
    )


@pytest.mark.parametrize('optimizer', ['normalized', 'sgd', 'adam'])
def test_the_descent_is_the_training(optimizer: str) -> None:
    probe, seen = make_calls('delta'), []
    loss = SearchedLoss('abs(p - y)', 'delta')

    def objective(pred: Tensor, *args: Tensor, **kwargs: float) -> Tensor:
        seen.append(elapsed_share())
        return loss(pred, *args, **kwargs)

    RejectionTest(steps=10, optimizer=optimizer, early=0).gain(objective, probe)
    assert seen == [step / 10 for step in range(10)]


@pytest.mark.parametrize('optimizer', [('normalized', 0), ('sgd', 1), ('adam', 2)], ids=lambda pair: pair[0])
@pytest.mark.parametrize('calls', CALLS)
def test_compiled_descents_are_the_plain_ones(calls: str, optimizer: tuple[str, int]) -> None:
    """In one part, and in two, as between looks at the gain."""
    probe, (name, code) = make_calls(calls), optimizer
    lr = 0.05 if calls == 'area' or name == 'sgd' else 0.2
    test = RejectionTest(steps=12, lr=lr, optimizer=name, early=0)
    sample = test.sample(probe)
    arrays = SampleArrays(probe.kind, sample, divisor_of(sample, probe.kind))
    settings = DescentSettings(code, test.steps, test.lr, True)
    for text in losses_of(calls):
        tree = parse(text)
        ends = []
        for parts in (((0, 12),), ((0, 5), (5, 12))):
            arrays.load(lower(tree, probe.kind))
            for begin, end in parts:
                arrays.descend(settings, begin, end)
            ends.append(torch.from_numpy(arrays.raw.copy()))
        assert torch.equal(*ends)
        objective = plain_loss(tree, probe.inputs, probe.settings)
        unit = probe.kind.unit(sample.pred, sample.target)
        final = test._descend(objective, sample, unit, lambda pred: 1.0)
        wanted = SampleArrays(probe.kind, replace(sample, pred=final), 1.0)
        arrays_of_plain = torch.from_numpy(wanted.raw)
        torch.testing.assert_close(ends[0], arrays_of_plain, rtol=2e-3, atol=2e-3, msg=lambda m, t=text: f'{t}: {m}')


@pytest.mark.parametrize('calls', CALLS)
def test_norms_and_signatures_are_the_plain_ones(calls: str) -> None:
    probe = make_calls(calls)
    gradients = SampleGradients(probe)
    for text in losses_of(calls):
        loss = plain_loss(parse(text), probe.inputs, probe.settings)
        program = lower(loss.tree, probe.kind)
        assert program.reads_elapsed
        assert gradients.norms(program) == pytest.approx(gradient_norms(loss, probe), rel=1e-4)
        assert gradients.signature(program) == pytest.approx(gradient_signature(loss, probe), rel=1e-3, abs=1e-4)


@pytest.mark.parametrize('calls', CALLS)
def test_verdicts_are_the_plain_ones(calls: str) -> None:
    probe, known = make_calls(calls), loss_by_hand(calls)
    plain, fast = (screen(probe, QUICK, known) for screen in (ProbeScreen, FastScreen))
    for text in losses_of(calls):
        wanted, found = plain.judge(parse(text)), fast.judge(parse(text))
        assert found.reason == wanted.reason, text
        if wanted.accepted:
            assert found.weight == pytest.approx(wanted.weight, rel=1e-3)
            assert found.signature == pytest.approx(wanted.signature, rel=1e-2, abs=1e-3)
    assert plain.judge(parse(losses_of(calls)[1])).accepted, 'although its first step has no gradient'
    assert plain.judge(parse(losses_of(calls)[-1])).reason == 'low gain'


@pytest.mark.parametrize('calls', ['softmax', 'delta'])
def test_verdicts_on_random_expressions(calls: str) -> None:
    probe, known, rng = make_calls(calls), loss_by_hand(calls), random.Random(5)
    plain, fast = (screen(probe, QUICK, known) for screen in (ProbeScreen, FastScreen))
    names, judged = (*probe.kind.names, 't'), []
    while len(judged) < 25:
        tree = random_tree(rng, names, 3)
        tree = parse(f'({tree}) + t * ({KNOWN_TEXT[calls]})') if len(judged) % 2 else tree
        if reads_elapsed(tree):
            judged.append((plain.judge(tree).reason, fast.judge(tree).reason))
    assert sum(wanted == found for wanted, found in judged) >= len(judged) - 1
    assert ACCEPTED in [wanted for wanted, _ in judged]


KNOWN_TEXT = {calls: str(loss_by_hand(calls).graph.tree) for calls in KNOWN}


def test_the_weight_is_for_the_mean_over_the_training() -> None:
    probe, known = make_calls('delta'), loss_by_hand('delta')
    verdict = ProbeScreen(probe, QUICK, known).judge(parse('t * (p - y) ** 2'))
    (constant,) = {ProbeScreen(probe, QUICK, known).judge(parse('(p - y) ** 2')).weight}
    assert verdict.weight == pytest.approx(constant / math.sqrt((0 + 0.5**2 + 1) / 3))
    assert len(SHARES) == 3


def test_the_signature_tells_the_course_of_a_training() -> None:
    probe = make_calls('delta')
    rising, falling = (
        plain_loss(parse(text), 'delta')
        for text in ('t * abs(p - y) + (1 - t) * (p - y) ** 2', '(1 - t) * abs(p - y) + t * (p - y) ** 2')
    )
    first, second = (gradient_signature(loss, probe) for loss in (rising, falling))
    third = len(first) // 3
    assert first[third : 2 * third] == pytest.approx(second[third : 2 * third]), 'the same half-way'
    assert first[:third] == pytest.approx(second[2 * third :]) and first != pytest.approx(second)
    end = plain_loss(parse('abs(p - y)'), 'delta')
    assert first[2 * third :] == pytest.approx(gradient_signature(end, probe))


def test_a_share_that_cancels_gives_the_fingerprint_without_it() -> None:
    probe, known = make_calls('delta'), loss_by_hand('delta')
    for build in (ProbeScreen, FastScreen):
        screen = build(probe, QUICK, known)
        plain, cancelling = (screen.judge(parse(text)) for text in ('abs(p - y)', 'abs(p - y) * (t + 1 + 2 * -t + t)'))
        assert plain.accepted and screen.fingerprint(plain, 2) == screen.fingerprint(cancelling, 2)
        assert cancelling.weight == pytest.approx(plain.weight)


def test_overflow_at_the_beginning_alone_is_found() -> None:
    probe = make_calls('delta')
    text = '(p - y) ** 2 * exp(exp(5 * (1 - t)))'
    for build in (ProbeScreen, FastScreen):
        assert build(probe, QUICK, loss_by_hand('delta')).judge(parse(text)).reason == 'not finite'


def test_hand_made_losses_may_read_it() -> None:
    probe = make_calls('delta')
    hand_made = SearchedLoss('t * abs(p - y) + (1 - t) * (p - y) ** 2', 'delta')
    assert calibrate(QUICK, probe, SearchedLoss('t * abs(p - y)', 'delta')).holds(QUICK.eta)
    screen = FastScreen(probe, QUICK, hand_made)
    verdict = screen.judge(hand_made.graph.tree)
    assert verdict.weight == pytest.approx(1, rel=1e-4)
    assert screen.fingerprint(verdict, 2) == screen.hand_made_fingerprint(2)
    norms = gradient_norms(hand_made, probe)
    assert balance_weight(norms, norms) == 1
