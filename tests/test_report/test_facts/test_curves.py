"""Curves are the losses that they are said to be, with the gradients that train, and can be drawn of whatever was found."""

from __future__ import annotations

import json
import math
import random

import pytest
import torch

from mmautoloss.expr import Tree, parse, random_tree
from mmautoloss.losses import INPUT_KINDS, ZOO, SearchedLoss
from mmautoloss.report.facts.curves import (
    CLASSES,
    DRAWN_AS,
    NOT_DRAWN,
    SCORES,
    TARGETS,
    Curve,
    _call,
    curve_of,
    curves_table,
    found_loss,
    slope,
)
from mmautoloss.report.figures.curves import draw_curves, from_target, robust_limits

KINDS = [name for name in INPUT_KINDS if name != 'area' and name not in NOT_DRAWN]
KNOWN = [(name, kind) for name, loss in ZOO.items() for kind in loss.inputs if kind in KINDS]


def known(name: str, inputs: str, y: float, **settings: int) -> Curve:
    return curve_of(found_loss(parse(ZOO[name].expression), inputs), inputs, y, **settings)


def close(values: tuple[float, ...], wanted: torch.Tensor, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(torch.tensor(values, dtype=torch.float64), wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize('classes', [2, 3, 11])
def test_cross_entropy_of_a_softmax(classes: int) -> None:
    curve = known('ce', 'softmax', 1.0, classes=classes)
    p = torch.tensor(curve.prediction, dtype=torch.float64)
    close(curve.value, -p.log())
    close(curve.by_prediction, -1 / p)
    close(curve.by_raw, p - 1)
    other = known('ce', 'softmax', 0.0, classes=classes)
    close(other.value, -((1 - p) / (classes - 1)).log())
    close(other.by_prediction, 1 / (1 - p))
    close(other.by_raw, p)


@pytest.mark.parametrize('inputs', ['sigmoid', 'mask'])
def test_cross_entropy_of_a_sigmoid(inputs: str) -> None:
    for y in TARGETS:
        curve = known('bce', inputs, y)
        p = torch.tensor(curve.prediction, dtype=torch.float64)
        close(curve.value, -(p if y else 1 - p).log())
        close(curve.by_raw, p - y)
        close(curve.by_prediction, (p - y) / (p * (1 - p)))


def test_losses_of_values() -> None:
    for y in TARGETS:
        curve = known('l1', 'delta', y)
        error = torch.tensor(curve.prediction, dtype=torch.float64) - y
        assert (min(error), max(error)) == (-3, 3)
        close(curve.value, error.abs())
        close(curve.by_raw, error.sign())
        square = known('mse', 'heatmap', y)
        error = torch.tensor(square.prediction, dtype=torch.float64) - y
        close(square.value, error**2)
        close(square.by_raw, 2 * error)
        assert square.by_prediction == square.by_raw


def test_weight_is_a_factor() -> None:
    tree = parse('abs(p - y)')
    once, thrice = (curve_of(found_loss(tree, 'delta', weight), 'delta', 0.0) for weight in (1.0, 3.0))
    assert [3 * value for value in once.value] == pytest.approx(thrice.value)
    assert [3 * value for value in once.by_raw] == pytest.approx(thrice.by_raw)


@pytest.mark.parametrize(('name', 'inputs'), KNOWN)
def test_gradients_are_those_of_finite_differences(name: str, inputs: str) -> None:
    loss, step = found_loss(parse(ZOO[name].expression), inputs), 1e-5
    for y in TARGETS:
        curve = curve_of(loss, inputs, y, points=24)  # an even number keeps off the corner at p = y
        parts = (curve.prediction, curve.raw, curve.value, curve.by_prediction, curve.by_raw)
        prediction, raw, value, by_prediction, by_raw = (torch.tensor(part, dtype=torch.float64) for part in parts)
        above, below = (loss(*_call(raw + side, inputs, y, CLASSES)) for side in (step, -step))
        smooth = (above + below - 2 * value).abs() < 1e-8 * (1 + value.abs())  # pieces meet in corners
        assert smooth.double().mean() > 0.8
        slope = ((above - below) / (2 * step))[smooth]
        torch.testing.assert_close(by_raw[smooth], slope, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(
            (by_prediction * d_prediction(prediction, inputs))[smooth], slope, rtol=1e-4, atol=1e-6
        )


def d_prediction(prediction: torch.Tensor, inputs: str) -> torch.Tensor:
    """How a prediction follows its raw score; of a softmax as of a sigmoid, by autograd."""
    inputs = DRAWN_AS.get(inputs, inputs)
    if inputs not in SCORES:
        return torch.ones_like(prediction)
    shift = 0.0 if inputs != 'softmax' else math.log(CLASSES - 1)
    raw = (prediction.logit() + shift).requires_grad_()
    others = raw.new_zeros(len(raw), CLASSES - 1)
    p = torch.cat([raw[:, None], others], 1).softmax(1)[:, 0] if inputs == 'softmax' else raw.sigmoid()
    return torch.autograd.grad(p.sum(), raw)[0]


def trees(inputs: str, count: int, seed: int = 0) -> list[Tree]:
    rng = random.Random(seed)
    return [random_tree(rng, INPUT_KINDS[inputs].names, rng.randint(1, 4)) for _ in range(count)]


@pytest.mark.parametrize('inputs', KINDS)
def test_a_curve_is_what_searched_loss_gives_call_by_call(inputs: str) -> None:
    """Also with means and pools, since each call holds one prediction."""
    for tree in [*trees(inputs, 25), *(parse(ZOO[name].expression) for name, kind in KNOWN if kind == inputs)]:
        module = SearchedLoss(tree, inputs=inputs, loss_weight=0.7)
        for y in TARGETS:
            curve = curve_of(found_loss(tree, inputs, 0.7), inputs, y, points=4)
            for raw, value, by_raw in zip(curve.raw, curve.value, curve.by_raw, strict=True):
                at = torch.tensor([raw], dtype=torch.float64, requires_grad=True)
                pred, target = _call(at, inputs, y, 3)
                same(call(module, pred, target).item(), value)
                same(slope(call(module, pred, target), at).item(), by_raw)


def call(module: SearchedLoss, pred: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A call as heads make it."""
    if module.kind.name == 'mask':
        return module(pred, target[:, 0], torch.zeros(1))
    if module.kind.name == 'bins':
        return module(pred.flatten(1), torch.nn.functional.one_hot(target.flatten().long(), pred.shape[1]).double())
    if module.kind.name == 'quality':
        return module(pred.flatten(1), (1 - target.flatten().long(), torch.ones(1)))
    rows = module.kind.name in ('delta', 'motion')
    return module(pred.flatten(1), target.flatten(1)) if rows else module(pred, target)


def same(one: float, other: float) -> None:
    if math.isfinite(one) and abs(one) < 1e8:  # about protected poles the last digits of p decide
        assert other == pytest.approx(one, rel=1e-5, abs=1e-7)


def test_no_formula_is_too_wild() -> None:
    """A thousand random graphs, most of which no search would keep: curves and tables of all, drawings of some."""
    wild = 0
    for inputs in KINDS:
        for number, tree in enumerate(trees(inputs, 200, seed=2)):
            curves = tuple(curve_of(found_loss(tree, inputs), inputs, y, points=7) for y in TARGETS)
            assert all(len(part) == 7 for curve in curves for part in curve[1:])
            wild += any(not math.isfinite(value) for curve in curves for part in curve[3:] for value in part)
            low, high = robust_limits(part for curve in curves for part in curve[3:])
            assert math.isfinite(low) and low < high
            if number % 100 == 0:
                figure = draw_curves('wild', str(tree), '', inputs, {'found': curves})
                json.loads(figure.table.to_json_text())
    assert wild


@pytest.mark.parametrize(
    'text', ['exp(exp(exp(1 / p)))', 'log(log(p - p))', '1 / (p - p)', 'y + 1', 'exp(exp(9 * p)) / 0']
)
def test_poles_and_overflows_are_drawn_with_gaps(text: str) -> None:
    curves = tuple(curve_of(found_loss(parse(text), 'sigmoid'), 'sigmoid', y) for y in TARGETS)
    figure = draw_curves('pole', text, '', 'sigmoid', {'hand-made': curves, 'found': curves})
    assert figure.svg.startswith('<svg')
    assert not any(word in figure.svg.lower() for word in ('nan', 'inf '))
    for row in figure.table.rows:
        assert all(value is None or isinstance(value, str) or math.isfinite(value) for value in row)


def test_what_a_drawing_shows_is_its_table() -> None:
    curves = {'hand-made': (known('ce', 'softmax', 1.0),), 'found': (known('mse', 'softmax', 1.0),)}
    figure = draw_curves('both', 'Both', 'Assumed.', 'softmax', curves)
    assert figure.table == curves_table(curves)
    assert set(figure.table.column('loss')) == {'hand-made', 'found'}
    assert figure.svg.count('var(--base)') and figure.svg.count('var(--found)')
    assert figure.caption.startswith('Assumed. Left: the loss')


def test_axes_show_the_shape_and_not_the_pole() -> None:
    curve = curve_of(found_loss(parse('1 / p'), 'sigmoid'), 'sigmoid', 1.0)
    assert max(curve.value) == pytest.approx(200, rel=0.01)
    low, high = robust_limits([curve.value])
    assert low < 0 and 8 < high < 20
    assert robust_limits([]) == robust_limits([[math.nan, math.inf]]) == (-1.0, 1.0)


def test_a_constant_of_a_loss_is_not_drawn() -> None:
    assert from_target([5.0, 6.0, 7.0], 5.0) == [0.0, 1.0, 2.0]
    assert from_target([5.0, 6.0, 1e9], 1e9) != [0.0, 0.0, 0.0]
    assert from_target([1.0, 2.0], math.nan) == [1.0, 2.0]
