"""Families of losses have the published losses among them, in value and gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.expr import Template, canonical, parse
from mmautoloss.losses import FAMILIES, SearchedLoss, family_of, input_kind, known_loss

CLASSES = 5


def filled(template: Template, **values: float) -> str:
    """A member of a family, with 0 for numbers that are not given."""
    names = {number.name for number in template.numbers}
    assert set(values) <= names
    return str(template.fill([values.get(number.name, 0.0) for number in template.numbers]))


def taylor_of(order: int, inputs: str, wrong: Mapping[int, float], others: Mapping[int, float]) -> str:
    template = family_of('taylor', input_kind(inputs), order=order)
    values = {**{f'a{k}': v for k, v in wrong.items()}, **{f'b{k}': v for k, v in others.items()}}
    return filled(template, **values)


def compare(ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], tolerance: float = 1e-9) -> None:
    generator = torch.Generator().manual_seed(2)
    raw = 2 * torch.randn(40, CLASSES, generator=generator, dtype=torch.float64)
    results = []
    for loss in (ours, theirs):
        leaf = raw.clone().requires_grad_()
        value = loss(leaf)
        results.append((value.detach(), torch.autograd.grad(value, leaf)[0]))
    torch.testing.assert_close(results[0], results[1], rtol=tolerance, atol=1e-9)


LABELS = torch.randint(CLASSES, (40,), generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize(
    ('known', 'inputs', 'order', 'wrong', 'others'),
    [
        pytest.param('mae', 'softmax', 1, {1: 1}, {1: 1}, id='mae'),
        pytest.param('mae', 'softmax', 4, {1: 1}, {1: 1}, id='mae of order 4'),
        pytest.param('mse', 'softmax', 3, {2: 1}, {2: 1}, id='brier'),
        pytest.param('mse', 'sigmoid', 2, {2: 1}, {2: 1}, id='mse of sigmoids'),
        pytest.param('taylor_ce', 'softmax', 4, {1: 1, 2: 0.5, 3: 0.3333, 4: 0.25}, {}, id='taylor_ce'),
    ],
)
def test_the_taylor_family_has_the_known_losses(
    known: str, inputs: str, order: int, wrong: dict[int, float], others: dict[int, float]
) -> None:
    ours = SearchedLoss(taylor_of(order, inputs, wrong, others), inputs, use_sigmoid=inputs == 'sigmoid')
    theirs = SearchedLoss(known_loss(known, inputs), inputs, use_sigmoid=inputs == 'sigmoid')
    # a third is 0.3333 where it is written
    tolerance = 1e-3 if 3 in wrong else 1e-9
    compare(lambda raw: ours(raw, LABELS), lambda raw: theirs(raw, LABELS), tolerance)


def test_the_taylor_family_is_two_polynomials() -> None:
    wrong, others = {1: 2.0, 2: -0.5, 3: 0.125}, {1: -1.0, 2: 0.25, 3: 3.0}
    loss = SearchedLoss(taylor_of(3, 'softmax', wrong, others))

    def polynomials(raw: Tensor) -> Tensor:
        p, y = raw.softmax(dim=1), F.one_hot(LABELS, CLASSES)
        a = sum(value * (1 - p) ** k for k, value in wrong.items())
        b = sum(value * p**k for k, value in others.items())
        return (y * a + (1 - y) * b).sum(dim=1).mean()

    compare(lambda raw: loss(raw, LABELS), polynomials)


def test_the_taylor_family_begins_at_the_taylor_cross_entropy() -> None:
    template = family_of('taylor', input_kind('softmax'), order=4)
    assert len(template.numbers) == 8
    expected = taylor_of(4, 'softmax', {1: 1, 2: 0.5, 3: 0.3333, 4: 0.25}, {})
    assert str(template.fill(template.start)) == expected
    large = family_of('taylor', input_kind('softmax'), order=8)
    assert large.tree.size > 40, 'larger than a mutant may be'


@pytest.mark.parametrize(
    ('name', 'inputs', 'known'),
    [
        pytest.param('margin', 'softmax', 'ce', id='margin'),
        pytest.param('margin', 'sigmoid', 'bce', id='margin of sigmoids'),
        pytest.param('piecewise', 'softmax', 'ce', id='piecewise'),
        pytest.param('piecewise', 'sigmoid', 'bce', id='piecewise of sigmoids'),
    ],
)
def test_the_others_begin_at_cross_entropy(name: str, inputs: str, known: str) -> None:
    template = family_of(name, input_kind(inputs), pieces=4)
    options = {'inputs': inputs, 'use_sigmoid': inputs == 'sigmoid'}
    ours = SearchedLoss(str(template.fill(template.start)), **options)
    theirs = SearchedLoss(known_loss(known, inputs), **options)
    compare(lambda raw: ours(raw, LABELS), lambda raw: theirs(raw, LABELS))


@pytest.mark.parametrize('value', [-5.0, -0.5, 0.5])
def test_the_margin_is_that_of_its_authors(value: float) -> None:
    """Equation 7 of Wang et al.: the probability of the label times ``1 / (a * p + 1 - a)``."""
    loss = SearchedLoss(filled(family_of('margin', input_kind('softmax')), a=value))

    def published(raw: Tensor) -> Tensor:
        p = raw.softmax(dim=1).gather(1, LABELS[:, None])[:, 0]
        return -(p / (value * p + 1 - value)).log().mean()

    compare(lambda raw: loss(raw, LABELS), published)


def test_piecewise_is_linear_on_equal_pieces() -> None:
    loss = SearchedLoss(filled(family_of('piecewise', input_kind('softmax'), pieces=4), t=0.1, h1=0.5, h2=-0.25, h3=1))

    def published(raw: Tensor) -> Tensor:
        p = raw.softmax(dim=1).gather(1, LABELS[:, None])[:, 0]
        slopes = [1, 1 + 2 * 0.5, 1 + 2 * 0.25, 1 + 2 * 1.25]
        tau = 0.1 + sum(slope * (p - k / 4).clamp(0, 1 / 4) for k, slope in enumerate(slopes))
        return -tau.log().mean()

    compare(lambda raw: loss(raw, LABELS), published)


@pytest.mark.parametrize('name', FAMILIES)
def test_members_are_ordinary_expressions(name: str) -> None:
    for inputs in ('softmax', 'sigmoid', 'mask'):
        kind = input_kind(inputs)
        template = family_of(name, kind)
        tree = template.fill([number.rounded(0.3 * k) for k, number in enumerate(template.numbers)])
        assert kind.parse(str(tree)) == tree
        assert canonical(parse(str(tree)), {'p'}) == canonical(tree, {'p'})
        assert Template.parse(str(template)) == template


@pytest.mark.parametrize(
    ('name', 'inputs', 'options', 'error'),
    [
        pytest.param('cubic', 'softmax', {}, 'one of taylor, piecewise, margin', id='name'),
        pytest.param('taylor', 'delta', {}, 'is for probabilities', id='values'),
        pytest.param('margin', 'area', {}, 'leave the loss out of branches', id='areas'),
        pytest.param('taylor', 'softmax', {'order': 0}, 'order must be at least 1', id='order'),
        pytest.param('piecewise', 'softmax', {'pieces': 1}, 'pieces must be at least 2', id='pieces'),
        pytest.param('piecewise', 'softmax', {'pieces': 99}, 'pieces must be at most 20', id='many'),
    ],
)
def test_errors(name: str, inputs: str, options: dict[str, int], error: str) -> None:
    with pytest.raises(SetupError, match=error):
        family_of(name, input_kind(inputs), **options)
