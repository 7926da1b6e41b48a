"""The rejection test: who passes, who fails, and that scale does not matter."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
import torch

from mmautoloss.errors import CalibrationError, SetupError
from mmautoloss.expr import parse, random_tree
from mmautoloss.losses import SearchedLoss, input_kind
from mmautoloss.screen import (
    Calibration,
    Probe,
    ProbeScreen,
    RejectionTest,
    Sample,
    calibrate,
    require_calibrated,
)
from tests.test_screen.conftest import hand_made, make_probe


def test_hand_made_losses_pass_and_useless_ones_fail(inputs: str) -> None:
    found = calibrate(RejectionTest(), make_probe(inputs), hand_made(inputs))
    assert found.hand_made >= 0.6 and found.hand_made <= 1.0 + 1e-6
    assert found.negated < 0.05 and found.constant == 0.0
    assert found.holds(0.6)


@pytest.mark.parametrize('factor', [1e6, 1e-6])
def test_default_does_not_depend_on_scale(inputs: str, factor: float) -> None:
    probe, loss = make_probe(inputs), hand_made(inputs)

    def scaled(*args, **kwargs):
        return loss(*args, **kwargs) * factor

    test = RejectionTest()
    assert test.gain(scaled, probe) == pytest.approx(test.gain(loss, probe), abs=0.01)


def test_gain_is_a_share_of_the_possible() -> None:
    """A loss that walks straight to the target ends at the largest gain, whatever the start."""
    probe = make_probe('delta')
    test = RejectionTest(steps=400, lr=0.05)
    assert test.gain(hand_made('delta'), probe) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    ('options', 'passes'),
    [
        pytest.param({'optimizer': 'adam', 'lr': 0.1}, True, id='adam'),
        pytest.param({'optimizer': 'sgd', 'lr': 1.0}, True, id='sgd'),
        pytest.param({'optimizer': 'sgd', 'lr': 1e-6}, False, id='sgd too slow'),
        pytest.param({'decay': False}, True, id='no decay'),
        pytest.param({'early': 0.0}, True, id='to the end'),
    ],
)
def test_options(options: dict, passes: bool) -> None:
    test = RejectionTest(**options)
    assert (test.gain(hand_made('softmax'), make_probe('softmax')) >= test.eta) == passes


@pytest.mark.parametrize(
    'expression',
    [
        pytest.param('exp(exp(exp(exp(p + 1 + 1)))) * y', id='overflow'),
        pytest.param('log(-1 * 0 * y / 0 + p - p) * y * p / 0', id='0 / 0'),
    ],
)
def test_gain_of_what_is_not_finite(expression: str) -> None:
    loss = SearchedLoss(expression, inputs='delta')
    gain = RejectionTest().gain(loss, make_probe('delta'))
    assert math.isnan(gain) or gain < 0.6


def test_nan_loss_is_reported() -> None:
    def poisoned(pred, *args, **kwargs):
        return (pred * float('nan')).sum()

    assert math.isnan(RejectionTest().gain(poisoned, make_probe('softmax')))


def test_descent_does_not_touch_the_probe(inputs: str) -> None:
    probe = make_probe(inputs)
    before = [sample.pred.clone() for sample in probe.samples]
    RejectionTest(steps=5).gain(hand_made(inputs), probe)
    assert all(torch.equal(s.pred, kept) for s, kept in zip(probe.samples, before, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize('name', ['softmax', 'delta'])
def test_early_end_gives_the_same_verdicts(name: str) -> None:
    """On random trees that reach the test, and on a probe of the usual size; of 200 trees at most one differed."""
    probe, rng = make_probe(name, rows=64, samples=5), random.Random(4)
    early = ProbeScreen(probe, RejectionTest(steps=40), None)
    full = ProbeScreen(probe, RejectionTest(steps=40, early=0.0), None)
    names = input_kind(name).names
    verdicts = []
    while len(verdicts) < 40:
        tree = random_tree(rng, names, 3)
        if full.judge(tree).gain is not None:
            verdicts.append((early.judge(tree).accepted, full.judge(tree).accepted))
    assert sum(one != other for one, other in verdicts) <= 1
    if name == 'softmax':
        assert any(accepted for _, accepted in verdicts)


@pytest.mark.parametrize(
    ('options', 'error'),
    [
        pytest.param({'steps': 0}, 'positive, but got 0', id='steps'),
        pytest.param({'lr': 0.0}, 'positive, but got 100 and 0.0', id='lr'),
        pytest.param({'optimizer': 'lbfgs'}, "normalized, sgd, adam, but got 'lbfgs'", id='name'),
    ],
)
def test_settings_are_checked(options: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        RejectionTest(**options)


def test_calibration_error_has_gains_and_remedy() -> None:
    found = {
        'cls': Calibration(0.9, -0.5, 0.0),
        'box': Calibration(0.25, 0.7, math.nan),
    }
    with pytest.raises(CalibrationError) as caught:
        require_calibrated(found, RejectionTest(steps=7, lr=0.5))
    text = str(caught.value)
    assert 'cls: hand-made 0.900 (must reach 0.6), negated -0.500' in text
    assert 'box: hand-made 0.250 (must reach 0.6), negated 0.700 and constant not finite' in text
    assert 'steps 7, lr 0.5, eta 0.6' in text and 'Raise screen.steps' in text
    require_calibrated({'cls': found['cls']}, RejectionTest())


@pytest.mark.parametrize(
    ('calibration', 'holds'),
    [
        ((0.6, 0.5, 0.0), True),
        ((0.59, 0.0, 0.0), False),
        ((0.9, 0.6, 0.0), False),
        ((0.9, 0.0, 0.7), False),
        ((math.nan, 0.0, 0.0), False),
        ((0.9, math.nan, math.nan), True),
    ],
)
def test_calibration_holds(calibration: tuple, holds: bool) -> None:
    assert Calibration(*calibration).holds(0.6) == holds


def test_joined_sample_has_only_rows_that_count() -> None:
    probe = make_probe('softmax', rows=4, samples=2)
    first = replace(probe.samples[0], weight=torch.tensor([1.0, 0.0, 1.0, 1.0]))
    probe = replace(probe, samples=(first, probe.samples[1]))
    joined = probe.joined()
    assert len(joined.pred) == 7 and joined.weight is None and joined.avg_factor == 8.0
    first = replace(first, weight=torch.tensor([0.5, 0.0, 1.0, 1.0]))
    assert replace(probe, samples=(first,)).joined().weight.tolist() == [0.5, 1.0, 1.0]


def test_gradient_of_what_does_not_depend_on_the_prediction_is_zero() -> None:
    sample: Sample = make_probe('delta').samples[0]
    for text in ('y * 1', 'p * 0 + y'):
        loss = SearchedLoss(parse(text), inputs='delta')
        assert sample.gradient(loss).abs().sum() == 0


@pytest.mark.parametrize(
    ('fields', 'error'),
    [
        ({'samples': ()}, 'at least one sample'),
        ({'metric': 'recall'}, "one of softmax_recall.*'recall'"),
    ],
    ids=['no samples', 'metric'],
)
def test_probe_is_checked(fields: dict, error: str) -> None:
    with pytest.raises(SetupError, match=error):
        Probe(**{**vars(make_probe('delta')), **fields})
