"""Mixtures against plain sums of their losses: values, gradients, scales, controllers, and what is refused."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS
from torch import Tensor

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import parse, random_tree
from mmautoloss.losses import (
    LossMixture,
    SearchedLoss,
    examples_of,
    input_kind,
    known_loss,
    one_expression,
    training_at,
)
from mmautoloss.losses.controller import Controller, describe
from mmautoloss.losses.gradient_sizes import CALLS

SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...] | int]] = {
    'softmax': ((9, 4), 4),
    'softmax maps': ((2, 3, 5, 6), 3),
    'sigmoid': ((9, 4), (9, 4)),
    'sigmoid maps': ((2, 3, 5, 6), (2, 3, 5, 6)),
    'heatmap': ((2, 3, 5, 6), (2, 3, 5, 6)),
    'delta': ((9, 4), (9, 4)),
    'area': ((9, 4), (9, 4)),
}
"""Shapes of predictions and targets, or the number of classes, by kind of input."""

EXAMPLE = {'per': 'example', 'hidden': 4}


def call_of(name: str) -> tuple[Tensor, Tensor, Tensor]:
    """A call in float64, with weights of which some are 0, and ignored labels."""
    shape, targets = SHAPES[name]
    pred = torch.randn(shape, dtype=torch.float64)
    if isinstance(targets, int):
        target = torch.randint(targets, (shape[0], *shape[2:]))
        target[torch.rand(target.shape) < 0.2] = 255
        return pred, target, torch.rand(target.shape, dtype=torch.float64).round(decimals=1)
    target = torch.rand(targets, dtype=torch.float64)
    if name == 'area':
        corner = 10 * torch.rand(9, 2, dtype=torch.float64)
        target = torch.cat([corner, corner + 2], dim=1)
        pred = target + 0.5 * pred
    weight = torch.rand(shape[:1] if len(shape) == 2 else shape[:2], dtype=torch.float64)
    weight = weight if name != 'sigmoid maps' else torch.rand(2, 5, 6, dtype=torch.float64)
    return pred, target, weight * (torch.rand(weight.shape) < 0.8)


def graphs(name: str, count: int) -> list[str]:
    rng, kind = random.Random(7), input_kind(name.split()[0])
    trees = (random_tree(rng, kind.names, 2) for _ in range(20 * count))
    return [str(tree) for tree in trees if kind.from_prediction & set(tree.nodes)][:count]


def result(loss: Any, call: tuple[Tensor, ...], **options: Any) -> tuple[Tensor, Tensor]:
    pred = call[0].clone().requires_grad_()
    value = loss(pred, *call[1:], **options)
    return value.detach(), torch.autograd.grad(value.sum(), pred)[0]


@pytest.mark.parametrize('options', [{}, {'avg_factor': 7.0}, {'reduction_override': 'none'}], ids=str)
@pytest.mark.parametrize('name', SHAPES)
def test_fixed_weights_are_a_plain_sum(name: str, options: dict[str, Any]) -> None:
    """On random expressions; also the one expression of the mixture is that sum."""
    settings = {'inputs': name.split()[0], 'loss_weight': 1.5, 'ignore_index': 255 if 'softmax' in name else None}
    for first, second in zip(graphs(name, 12), graphs(name, 24)[12:], strict=True):
        mixture = LossMixture([first, second], weights=[0.25, 2], scales=[1, 0.5], **settings)
        call = call_of(name)
        parts = [result(SearchedLoss(text, **settings), call, **options) for text in (first, second)]
        wanted = [0.25 * one + other for one, other in zip(*parts, strict=True)]
        written = SearchedLoss(mixture.expression, **settings)
        for found in (result(mixture, call, **options), result(written, call, **options)):
            for one, other in zip(found, wanted, strict=True):
                torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9, equal_nan=True)


def test_weights_follow_the_training() -> None:
    mixture = LossMixture(['mse', 'abs(p - y)'], inputs='delta', weights=['1 - t', '2 * t'], scales='none')
    pred, target = torch.zeros(1, 1), torch.full((1, 1), 3.0)
    assert mixture.reads_elapsed
    for share, wanted in ((0.0, 9.0), (0.5, 7.5), (1.0, 6.0)):
        with training_at(share):
            assert mixture(pred, target).item() == wanted
            assert SearchedLoss(mixture.expression, 'delta')(pred, target).item() == wanted


@pytest.mark.parametrize('controller', [None, {'per': 'branch'}, EXAMPLE], ids=str)
def test_scales_of_losses_do_not_matter(controller: dict[str, Any] | None) -> None:
    """A loss and a thousand times that loss are the same loss, and the mixture is as strong as the first."""
    call, other = call_of('softmax'), call_of('softmax')
    torch.manual_seed(1)
    plain = LossMixture(['ce', 'mse'], controller=controller, ignore_index=255).double()
    torch.manual_seed(1)
    scaled = LossMixture(['ce', '1000 * mse'], controller=controller, ignore_index=255).double()
    for each in (call, other):
        for found, wanted in zip(result(scaled, each), result(plain, each), strict=True):
            torch.testing.assert_close(found, wanted)
    gradients = [result(loss, call)[1].norm() for loss in plain.parts()]
    lengths = [
        result(SearchedLoss(known_loss(name, 'softmax'), ignore_index=255), call)[1].norm() for name in ('ce', 'mse')
    ]
    assert gradients[0] == lengths[0] and 0.2 < gradients[1] / gradients[0] < 5
    assert lengths[0] / lengths[1] > 1.5


def test_scales_are_measured_in_the_first_calls_of_a_training_alone() -> None:
    mixture = LossMixture(['ce', 'mse'], ignore_index=255)
    mixture.eval()
    result(mixture, call_of('softmax'))
    with torch.no_grad():
        mixture.train()(*call_of('softmax'))
    assert mixture.scales.factors() == [1, 1] and mixture.scales.measures
    for _ in range(CALLS):
        result(mixture, call_of('softmax'))
    kept = mixture.scales.factors()
    result(mixture, call_of('softmax'))
    assert kept == mixture.scales.factors() and kept[1] > 1.1
    again = LossMixture(['ce', 'mse'], ignore_index=255)
    again.load_state_dict(mixture.state_dict())
    assert again.scales.factors() == kept


def test_a_call_without_gradient_measures_nothing() -> None:
    mixture = LossMixture(['ce', '0 * p'])
    pred, target = torch.randn(3, 2, requires_grad=True), torch.tensor([0, 1, 1])
    mixture(pred, torch.full_like(target, -1))
    assert int(mixture.scales.calls) == 0
    mixture(pred, target)
    assert mixture.scales.factors() == [1, 1]


def randomised(mixture: LossMixture) -> LossMixture:
    for parameter in mixture.controller.parameters():
        torch.nn.init.normal_(parameter)
    return mixture


@pytest.mark.parametrize('name', SHAPES)
def test_weights_of_examples_weigh_rows_or_elements(name: str) -> None:
    """Element by element: the sum of the losses' values times the weights of the description of each example."""
    kind = input_kind(name.split()[0])
    settings = {'inputs': kind.name, 'ignore_index': 255 if 'softmax' in name else None}
    losses = {'area': ['1 - i / u', 'giou']}.get(kind.name, ['(p - y) ** 2', 'abs(p - y)'])
    mixture = randomised(LossMixture(losses, controller=EXAMPLE, scales=[1, 3], **settings)).double()
    call = call_of(name)
    values = [part(*call, reduction_override='none') for part in mixture.parts()]
    weights = mixture.controller(call[0], call[1].where(call[1] != 255, 0))
    assert torch.allclose(weights.sum(-1), torch.ones(1).double()) and weights.std(-1).max() > 0.01
    weights = weights if kind.elementwise else weights[:, 0]
    shape = values[0].shape
    wanted = sum(value * weights[..., index].reshape(shape) for index, value in enumerate(values))
    torch.testing.assert_close(mixture(*call, reduction_override='none'), wanted)
    total = mixture(*call, reduction_override='sum')
    torch.testing.assert_close(total, wanted.sum())


def test_ignored_pixels_may_be_nan() -> None:
    mixture = randomised(LossMixture(['ce', 'dice'], controller=EXAMPLE, ignore_index=255))
    pred, target, _ = (part.float() for part in call_of('softmax maps'))
    target = target.long()
    wanted = result(mixture, (pred, target))
    spoilt = pred.where((target != 255)[:, None], torch.nan)
    torch.testing.assert_close(result(mixture, (spoilt, target)), wanted)


def test_controllers_begin_with_equal_weights_and_need_no_gradient() -> None:
    for per in ('example', 'branch'):
        mixture = LossMixture(['ce', 'mse', 'gce'], controller={'per': per}, ignore_index=255)
        weights = mixture.controller(torch.randn(5, 4), torch.randint(4, (5,)))
        assert torch.allclose(weights, torch.full((), 1 / 3))
        assert not any(parameter.requires_grad for parameter in mixture.parameters())
        kept = [parameter.clone() for parameter in mixture.parameters()]
        optimizer = torch.optim.SGD(mixture.parameters(), lr=1.0, weight_decay=0.5)
        pred = torch.randn(5, 4, requires_grad=True)
        mixture(pred, torch.randint(4, (5,))).backward()
        optimizer.step()
        assert all(torch.equal(*both) for both in zip(kept, mixture.parameters(), strict=True))


@pytest.mark.parametrize('per', ['example', 'branch'])
def test_a_controller_that_is_opened_has_the_gradient_of_the_definition(per: str) -> None:
    """Of the directional derivative of the loss, by finite differences of a score; so the second derivative is right."""
    mixture = randomised(
        LossMixture(['ce', 'mse'], controller={'per': per, 'hidden': 3}, scales='none', ignore_index=255)
    )
    mixture = mixture.double()
    mixture.controller.requires_grad_(True)
    pred, target, weight = call_of('softmax')
    pred.requires_grad_()
    direction = torch.randn_like(pred)

    def slope() -> Tensor:
        gradient = torch.autograd.grad(mixture(pred, target, weight), pred, create_graph=True)[0]
        return (gradient * direction).sum()

    (found,) = torch.autograd.grad(slope(), mixture.controller.scores)
    with torch.no_grad():
        mixture.controller.scores[0] += 1e-5
    above = slope().item()
    with torch.no_grad():
        mixture.controller.scores[0] -= 2e-5
    assert (above - slope().item()) / 2e-5 == pytest.approx(found[0].item(), rel=1e-5)


def test_noise_falls_and_is_that_of_its_call() -> None:
    settings = {'per': 'branch', 'gumbel': True, 'temperature': [1.0, 0.01]}
    controller = Controller(3, input_kind('softmax'), **settings)
    first = controller(torch.zeros(1, 2), torch.zeros(1))
    kept = copy.deepcopy(controller.state_dict())
    second = controller(torch.zeros(1, 2), torch.zeros(1))
    assert not torch.equal(first, second)
    again = Controller(3, input_kind('softmax'), **settings)
    again.load_state_dict(kept)
    assert torch.equal(again(torch.zeros(1, 2), torch.zeros(1)), second)
    with training_at(0):
        assert controller.temperature == 1 and max(controller(torch.zeros(1), torch.zeros(1))) < 0.999
    with training_at(1):
        assert controller.temperature == pytest.approx(0.01)
        assert max(controller(torch.zeros(1), torch.zeros(1))) > 0.999
    assert torch.equal(controller.eval()(torch.zeros(1), torch.zeros(1)), torch.full((3,), 1 / 3))


def test_examples_are_described_by_label_and_prediction() -> None:
    pred = torch.tensor([[2.0, 1.0, 0.0]])
    p = pred.softmax(1)[0]
    found = describe(input_kind('softmax'), pred, torch.tensor([1]))
    torch.testing.assert_close(found.flatten(), torch.stack([p[1], p[0]]))
    found = describe(input_kind('delta'), torch.tensor([[3.0, -1.0]]), torch.tensor([[0.0, 1.0]]))
    torch.testing.assert_close(found.view(2, 2), torch.tensor([[0.75, 0.0], [-0.5, 0.5]]))
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[1.0, 0.0, 3.0, 2.0]])
    torch.testing.assert_close(describe(input_kind('area'), *boxes).flatten(), torch.tensor([1 / 3, 1.0]))


@pytest.mark.parametrize('name', ['LossMixture', 'mmautoloss.LossMixture'])
def test_configs_name_it(name: str) -> None:
    loss = MODELS.build({'type': name, 'losses': ['bce', 'dice'], 'use_sigmoid': True})
    assert type(loss) is LossMixture and loss.use_sigmoid and loss.kind.name == 'sigmoid'
    assert loss.loss_name == 'loss_mixture'
    assert 'losses=' in repr(loss)


ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    'one loss': ({'losses': ['ce']}, 'losses must be a list of at least two'),
    'text': ({'losses': 'ce'}, 'losses must be a list of at least two'),
    'other kind': ({'losses': ['ce', 'giou']}, 'giou'),
    'no formula': ({'losses': ['ce', 'log(p']}, 'Cannot read'),
    'expression': ({'losses': ['ce', 'mse'], 'expression': 'p'}, 'A mixture has losses, but got an expression'),
    'weights': ({'losses': ['ce', 'mse'], 'weights': [1]}, 'weights must be a list of one for each of 2 losses'),
    'endless': ({'losses': ['ce', 'mse'], 'weights': [1, float('inf')]}, 'each of weights must be a finite number'),
    'weight of p': ({'losses': ['ce', 'mse'], 'weights': [1, 'p']}, 'numbers or formulas of t'),
    'scales': ({'losses': ['ce', 'mse'], 'scales': 'sum'}, "scales must be 'gradient', 'none' or one factor"),
    'scale 0': ({'losses': ['ce', 'mse'], 'scales': [1, 0]}, 'each of scales must be positive'),
    'both': ({'losses': ['ce', 'mse'], 'weights': [1, 1], 'controller': {}}, 'weights and controller exclude'),
    'key': ({'losses': ['ce', 'mse'], 'controller': {'depth': 2}}, 'controller must be a dict such as'),
    'per': (
        {'losses': ['ce', 'mse'], 'controller': {'per': 'batch'}},
        'controller.per must be one of example, branch',
    ),
    'hidden': ({'losses': ['ce', 'mse'], 'controller': {'hidden': 0}}, 'controller.hidden must be at least 1'),
    'temperature': ({'losses': ['ce', 'mse'], 'controller': {'temperature': 0}}, 'temperature must be positive'),
    'no description': (
        {'losses': ['triplet', 'triplet_soft'], 'inputs': 'triplet', 'controller': {}},
        "inputs='triplet' do not have; use per='branch'",
    ),
}


@pytest.mark.parametrize(('settings', 'error'), ERRORS.values(), ids=ERRORS)
def test_refused(settings: dict[str, Any], error: str) -> None:
    with pytest.raises((SetupError, ExpressionError), match=error):
        LossMixture(**settings)


def test_a_mixture_of_distances_has_weights_of_the_branch() -> None:
    mixture = LossMixture(['triplet', 'triplet_soft'], inputs='triplet', controller={'per': 'branch'}, scales='none')
    call = torch.randn(6, 5), torch.tensor([0, 0, 1, 1, 2, 2])
    parts = [loss(*call) for loss in mixture.parts()]
    torch.testing.assert_close(mixture(*call), sum(parts) / 2)
    torch.testing.assert_close(SearchedLoss(mixture.expression, 'triplet')(*call), sum(parts) / 2)
    assert parse(mixture.expression)


@pytest.mark.parametrize(
    ('inputs', 'settings', 'losses'),
    [
        ('sigmoid', {'activated': True}, ('bce', 'mse')),
        ('bins', {'beta': 10.0}, ('y * (log(y) - log(p))', '(p - y) ** 2')),
    ],
)
def test_examples_are_logits_of_the_right_temperature(inputs: str, settings: dict[str, Any], losses: tuple) -> None:
    """So the one expression is that of a mixture whose head passes such logits."""
    torch.manual_seed(0)
    logits, target = torch.randn(50, 4), torch.rand(50, 4).softmax(1)
    found = []
    for options in (settings, {}):
        mixture = LossMixture(losses, inputs, scales='none', controller={'per': 'example'}, **options)
        for parameter in mixture.controller.parameters():
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view(parameter.shape))
        pred = logits if not options else logits.sigmoid() if 'activated' in options else logits / options['beta']
        found.append(one_expression(mixture, examples_of(mixture, (pred, target), {})))
    assert found[0].text == found[1].text and found[0].unexplained == pytest.approx(found[1].unexplained, rel=1e-3)


def _points_of_persons() -> tuple[str, dict[str, Any], tuple]:
    points = 50 * torch.randn(9, 3, 2)
    call = (points + 5 * torch.randn(9, 3, 2), points, torch.ones(9, 3), 400 * (1 + torch.rand(9)))
    return 'keypoint', {'sigmas': [0.1, 0.2, 0.3], 'norm_target_weight': True}, call


def _axes() -> tuple[str, dict[str, Any], tuple]:
    pair = torch.randn(9, 3, 6), torch.randn(9, 3, 8)
    call = pair, tuple(axis.softmax(-1) for axis in pair), torch.ones(9, 3)
    return 'bins', {'keypoint_weight': [1.0, 2.0, 0.5]}, call


def _masks() -> tuple[str, dict[str, Any], tuple]:
    return 'mask', {}, (torch.randn(9, 4, 5, 5), (torch.rand(9, 5, 5) > 0.5).float(), torch.arange(9) % 4)


@pytest.mark.parametrize('make', [_points_of_persons, _axes, _masks])
def test_one_expression_of_calls_that_are_no_rows(make: Any) -> None:
    """Examples have what the controller has seen in the call, such as points in units of persons."""
    torch.manual_seed(0)
    inputs, settings, call = make()
    mixture = LossMixture(['(p - y) ** 2', 'abs(p - y)'], inputs, scales='none', controller=EXAMPLE, **settings)
    seen: list[Tensor] = []
    mixture.controller.register_forward_hook(lambda module, args, output: seen.append(args[0].flatten()))
    mixture(*call)
    examples = examples_of(mixture, call, {})
    assert torch.allclose(seen[0].sort().values, examples[0].flatten().sort().values)
    assert one_expression(mixture, examples).unexplained < 0.01
