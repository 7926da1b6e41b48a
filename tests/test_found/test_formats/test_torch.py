"""Exported PyTorch code is ``SearchedLoss``: value and gradient of calls as heads make them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, parse, random_tree
from mmautoloss.found import Found, NamedLoss
from mmautoloss.found.formats import Options
from mmautoloss.found.formats import torch as torch_format
from mmautoloss.losses import INPUT_KINDS, ZOO, SearchedLoss, input_kind, known_loss, plain_loss

N = 40
MAPS = (2, 3, 5, 6)


def exported(expression: str, inputs: str, weight: float = 1.0, **settings: Any) -> dict[str, Any]:
    text = torch_format.write(Found((NamedLoss('loss', '', inputs, expression, weight, settings),)), Options())
    assert max(map(len, text.splitlines())) <= 119
    scope: dict[str, Any] = {}
    exec(text, scope)
    return scope


def calls(inputs: str) -> dict[str, tuple[Tensor, dict[str, Any]]]:
    """Raw predictions, and the other arguments, by name."""
    generator = torch.Generator().manual_seed(1)

    def randn(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def integers(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=generator)

    weight = integers(3, N).double()
    pixels = integers(2, 2, 5, 6).double()
    if inputs == 'softmax':
        rows, maps = {'target': integers(4, N)}, {'target': integers(4, 2, 5, 6)}  # label 3 of 3 does not count
        return {
            'rows': (randn(N, 3), rows),
            'rows with weights': (randn(N, 3), rows | {'weight': weight, 'avg_factor': 7.0}),
            'maps': (randn(*MAPS), maps | {'ignore_index': 1}),
            'maps with weights': (randn(*MAPS), maps | {'weight': pixels}),
            'nothing': (randn(N, 3), rows | {'weight': torch.zeros(N)}),
            'shares': (randn(N, 3), {'target': randn(N, 3).softmax(dim=1), 'weight': weight, 'avg_factor': 7.0}),
        }
    if inputs == 'sigmoid':
        targets = torch.rand(N, 3, generator=generator, dtype=torch.float64)
        return {
            'labels': (randn(N, 3), {'target': integers(4, N), 'weight': weight, 'avg_factor': 9}),
            'targets': (randn(N, 3), {'target': targets, 'weight': integers(2, N, 3).double()}),
            'numbers': (randn(N), {'target': targets[:, 0], 'avg_factor': torch.tensor(3.0)}),
            'one channel': (randn(2, 1, 5, 6), {'target': integers(2, 2, 5, 6), 'ignore_index': 255}),
            'maps': (randn(*MAPS), {'target': integers(3, 2, 5, 6), 'weight': pixels, 'ignore_index': 2}),
            'nothing': (randn(N, 3), {'target': targets, 'weight': torch.zeros(N)}),
        }
    if inputs == 'mask':
        masks = torch.rand(4, 5, 6, generator=generator).double()
        return {
            'maps': (randn(4, 3, 5, 6), {'target': masks, 'weight': integers(3, 4)}),
            'nothing': (randn(0, 3, 5, 6), {'target': masks[:0], 'weight': integers(3, 0)}),
        }
    if inputs == 'instance':
        masks = torch.rand(N, 3, 4, generator=generator).double()
        return {
            'maps': (randn(N, 3, 4), {'target': masks}),
            'points': (randn(N, 12), {'target': masks.flatten(1), 'weight': weight, 'avg_factor': 4.0}),
            'nothing': (randn(N, 3, 4), {'target': masks, 'weight': torch.zeros(N)}),
        }
    if inputs == 'peak':
        heat = 0.25 * integers(5, *MAPS).double()
        return {
            'maps': (randn(*MAPS), {'target': heat, 'avg_factor': 5.0}),
            'keypoints': (randn(*MAPS), {'target': heat, 'weight': torch.tensor([[1, 0, 0.5], [0, 0, 2]])}),
            'pixels': (randn(*MAPS), {'target': heat, 'weight': integers(3, *MAPS).double()}),
        }
    if inputs == 'heatmap':
        return {
            'maps': (randn(*MAPS), {'target': randn(*MAPS)}),
            'keypoints': (randn(*MAPS), {'target': randn(*MAPS), 'weight': torch.tensor([[1, 0, 0.5], [0, 0, 2]])}),
            'pixels': (randn(*MAPS), {'target': randn(*MAPS), 'weight': integers(3, *MAPS).double()}),
        }
    if inputs == 'bins':
        shares, places = randn(N, 3).softmax(dim=1), 2 * torch.rand(N, generator=generator, dtype=torch.float64)
        return {
            'distributions': (randn(N, 3), {'target': shares, 'weight': weight}),
            'positions': (randn(N, 3), {'target': places, 'weight': weight, 'avg_factor': 4.0}),
            'nothing': (randn(N, 3), {'target': shares, 'weight': torch.zeros(N)}),
        }
    if inputs == 'quality':
        classes = torch.nn.functional.one_hot(integers(4, N), 4)[:, :3].double()
        target = torch.cat([classes, classes.amax(dim=1, keepdim=True) * 0.1 * integers(10, N, 1)], dim=1)
        return {
            'plain': (randn(N, 3), {'target': target}),
            'weights': (randn(N, 3), {'target': target, 'weight': weight, 'avg_factor': 5}),
            'nothing': (randn(N, 3), {'target': target, 'weight': torch.zeros(N)}),
        }
    if inputs == 'cosine':
        return {
            'labels': (0.8 * randn(N, 3), {'target': integers(4, N), 'weight': weight, 'ignore_index': 1}),
            'shares': (0.8 * randn(N, 3), {'target': randn(N, 3).softmax(dim=1), 'avg_factor': 7.0}),
            'nothing': (randn(N, 3), {'target': integers(3, N), 'weight': torch.zeros(N)}),
        }
    if inputs == 'direction':
        return {
            'plain': (randn(N, 5), {'target': randn(N, 5)}),
            'weights': (randn(N, 5), {'target': randn(N, 5), 'weight': weight, 'avg_factor': 5}),
            'nothing': (randn(N, 5), {'target': randn(N, 5), 'weight': torch.zeros(N)}),
        }
    if inputs in ('triplet', 'pairs'):
        return {
            'plain': (randn(N, 5), {'target': integers(6, N)}),
            'weights': (randn(N, 5), {'target': integers(6, N) - 1, 'weight': weight, 'avg_factor': 5}),
            'one identity': (randn(N, 5), {'target': torch.ones(N, dtype=torch.long)}),
            'nothing': (randn(N, 5), {'target': integers(6, N), 'weight': torch.zeros(N)}),
        }
    target = randn(N, 4)
    if inputs == 'area':
        target = torch.cat([target[:, :2], target[:, :2] + target[:, 2:].abs() + 0.1], dim=1)
    return {
        'plain': (target + 0.3 * randn(N, 4), {'target': target}),
        'weights': (target + 0.3 * randn(N, 4), {'target': target, 'weight': weight, 'avg_factor': 5}),
        'of elements': (target.clone(), {'target': target, 'weight': integers(2, N, 4).double()}),
        'nothing': (randn(N, 4), {'target': target, 'weight': torch.zeros(N, 4)}),
    }


def value_and_gradient(loss: Callable[..., Tensor], pred: Tensor, *arguments: Any) -> tuple[Tensor, Tensor]:
    pred = pred.clone().requires_grad_()
    value = loss(pred, *arguments)
    return value.detach(), torch.autograd.grad(value + 0 * pred.nan_to_num().sum(), pred)[0]


def assert_same(expression: str, inputs: str, loss: Callable[..., Tensor], wanted: Callable[..., Tensor]) -> None:
    for name, (pred, call) in calls(inputs).items():
        order = ['target', 'weight', 'avg_factor'] + ['ignore_index'] * ('ignore_index' in call)
        arguments = [call.get(key) for key in order]
        found, true = value_and_gradient(loss, pred, *arguments), value_and_gradient(wanted, pred, *arguments)
        for one, other in zip(found, true, strict=True):
            size = other[other.isfinite()].abs().max() if other.isfinite().any() else 0
            close = torch.allclose(one, other, rtol=1e-9, atol=1e-12 + 1e-11 * float(size), equal_nan=True)
            assert close, (expression, inputs, name, one, other)


def random_trees(inputs: str, count: int) -> list[Tree]:
    rng = random.Random(inputs)
    trees = [random_tree(rng, input_kind(inputs).names, depth=2 + k % 3) for k in range(count)]
    return [tree for tree in trees if tree.inputs]


@pytest.mark.parametrize('inputs', INPUT_KINDS)
def test_of_random_graphs(inputs: str) -> None:
    for tree in random_trees(inputs, 80):
        assert_same(str(tree), inputs, exported(str(tree), inputs)['loss'], plain_loss(tree, inputs))


@pytest.mark.parametrize(('name', 'inputs'), [(name, inputs) for name in ZOO for inputs in ZOO[name].inputs])
def test_of_known_losses(name: str, inputs: str) -> None:
    expression = ZOO[name].expression
    module = SearchedLoss(expression, inputs=inputs, loss_weight=0.37)
    assert_same(
        expression, inputs, exported(expression, inputs, 0.37)['loss'], lambda *arguments: _call(module, *arguments)
    )


def _call(module: SearchedLoss, pred: Tensor, target: Tensor, weight: Any, avg_factor: Any, ignore_index: Any = None):
    return module(pred, target, weight, avg_factor=avg_factor, ignore_index=ignore_index)


FACTORS = [0.25, 4.0, 1.5]
CARRIED = [
    ('softmax', {'class_weight': FACTORS}),
    ('softmax', {'class_weight': FACTORS, 'average': 'class_weight'}),
    ('softmax', {'ignore_index': 2}),
    ('heatmap', {'use_target_weight': False}),
    ('delta', {'class_weight': [1.0, 2.0, 0.0, 3.0]}),
    ('delta', {'average': 'sum'}),
    ('delta', {'average': 'weights'}),
    ('softmax', {'average': 'sum'}),
    ('area', {'average': 'sum'}),
    ('area', {'class_weight': [2.0]}),
    ('mask', {'pos_weight': [3.0]}),
    ('mask', {'average': 'sum'}),
    ('bins', {'average': 'sum'}),
    ('quality', {'class_weight': FACTORS}),
    ('quality', {'pos_weight': FACTORS}),
]


@pytest.mark.parametrize('expression', ['{0} * {1} - abs({1})', 'maxpool({0}) * {1} - mean_nhw({0})'])
@pytest.mark.parametrize(('inputs', 'settings'), CARRIED)
def test_of_what_is_carried(inputs: str, settings: dict[str, Any], expression: str) -> None:
    text = expression.format(*input_kind(inputs).names)
    code = exported(text, inputs, 1.0, **settings)['loss']
    assert_same(text, inputs, code, plain_loss(parse(text), inputs, settings))


@pytest.mark.parametrize('inputs', ['sigmoid', 'bins', 'quality', 'instance', 'peak'])
def test_of_probabilities(inputs: str) -> None:
    text = '({} - {}) ** 2'.format(*input_kind(inputs).names)
    code, loss = exported(text, inputs, 1.0, activated=True)['loss'], SearchedLoss(text, inputs, activated=True)
    for pred, call in calls(inputs).values():
        pred = pred.softmax(dim=1) if inputs == 'bins' else pred.sigmoid()
        torch.testing.assert_close(code(pred, **call), loss(pred, **call))


def test_of_keypoints_with_areas() -> None:
    text, settings = known_loss('oks', 'keypoint'), {'sigmas': [0.05, 0.1, 0.2]}
    code, loss = exported(text, 'keypoint', 1.0, **settings)['loss'], SearchedLoss(text, 'keypoint', **settings)
    target, seen, areas = (
        50 * torch.rand(2, 3, 2),
        torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]),
        torch.rand(2) * 900,
    )
    pred = target + torch.randn(2, 3, 2)
    torch.testing.assert_close(code(pred, target, seen, areas), loss(pred, target, seen, areas))


SEEN = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
AXES = (torch.randn(2, 3, 6), torch.randn(2, 3, 5))
OTHER_AXES = (torch.rand(2, 3, 6).softmax(-1), torch.rand(2, 3, 5).softmax(-1))
POINTS = torch.randn(2, 3, 2)
MOTION = torch.randn(2, 4, 3, 3)
FEATURES = torch.randn(6, 5)
WHOLE = {
    'some keypoints': ('bins', {'keypoint_weight': [0.5, 1.0, 2.0]}, (AXES, OTHER_AXES, SEEN)),
    'some keypoints, no weights': (
        'bins', {'keypoint_weight': [0.5, 1.0, 2.0], 'use_target_weight': False}, (AXES, OTHER_AXES, SEEN),
    ),
    'a teacher': ('bins', {}, (AXES, tuple(3 * axis for axis in OTHER_AXES), 2.0, SEEN)),
    'persons': ('keypoint', {'norm_target_weight': True}, (POINTS, POINTS + 1, SEEN)),
    'persons with areas': (
        'keypoint', {'norm_target_weight': True, 'sigmas': [0.05, 0.1, 0.2]}, (POINTS, POINTS + 1, SEEN, torch.ones(2)),
    ),
    'frames': ('motion', {'motion_weight': [0.5, 20.0]}, (MOTION, MOTION.flip(0))),
    'one frame': ('motion', {}, (MOTION[:, :1], MOTION[:, 1:2])),
    'two views': ('direction', {'average': 'weights'}, (FEATURES, FEATURES.flip(0), torch.arange(6.0))),
}  # fmt: skip


@pytest.mark.parametrize(('inputs', 'settings', 'call'), WHOLE.values(), ids=WHOLE)
def test_of_persons_and_motions(inputs: str, settings: dict[str, Any], call: tuple[Any, ...]) -> None:
    text = 'abs(p - y) * (p - y) ** 2 + mean_c(p)'
    code, loss = (
        exported(text, inputs, 2.0, **settings)['loss'],
        SearchedLoss(text, inputs, loss_weight=2.0, **settings),
    )
    torch.testing.assert_close(code(*call), loss(*call))


def test_of_values_one_by_one_says_that_it_is_their_mean() -> None:
    code, loss = exported('abs(p - y)', 'delta', 1.0, reduction='none')['loss'], SearchedLoss('abs(p - y)', 'delta')
    pred, target = torch.randn(2, 5, 4)
    torch.testing.assert_close(code(pred, target), loss(pred, target))


def test_of_positives() -> None:
    expression, settings = '-y * log(p) - (1 - y) * log(1 - p) + maxpool(p)', {'pos_weight': FACTORS}
    code, loss = (
        exported(expression, 'sigmoid', 1.0, **settings)['loss'],
        SearchedLoss(expression, 'sigmoid', **settings),
    )
    for pred, call in calls('sigmoid').values():
        if pred.dim() > 1 and pred.shape[1] == 3:
            torch.testing.assert_close(code(pred, **call), loss(pred, **call))


def test_of_many_classes() -> None:
    factors = [k / 7 for k in range(60)]
    code = exported('-y * log(p)', 'softmax', class_weight=factors, average='class_weight')['loss']
    pred, target = torch.randn(2, 60, 4, 5), torch.randint(60, (2, 4, 5))
    wanted = torch.nn.functional.cross_entropy(pred, target, torch.tensor(factors))
    torch.testing.assert_close(code(pred, target), wanted)


@pytest.mark.parametrize('expression', ['exp(y) * p', 'mean_c(p * y) - log(p)', 'mean_nhw(p) * maxpool(y)'])
@pytest.mark.parametrize('shape', [(9, 3), (2, 3, 4, 5)])
def test_ignored_elements(expression: str, shape: tuple[int, ...]) -> None:
    pred, target = torch.randn(shape).double(), torch.rand(shape).double()
    target[torch.rand(shape) < 0.3], target[torch.rand(shape) < 0.2] = 255, -1
    code = exported(expression, 'sigmoid', ignore_index=255)['loss']
    torch.testing.assert_close(code(pred, target), SearchedLoss(expression, 'sigmoid', ignore_index=255)(pred, target))


def test_points_are_maps() -> None:
    pred, target = torch.randn(2, 3, 7), torch.randint(3, (2, 7))
    for expression in ('-y * log(p)', '-y * log(p) + maxpool(p)'):
        for inputs in ('softmax', 'sigmoid'):
            code = exported(expression, inputs)['loss']
            torch.testing.assert_close(code(pred, target), SearchedLoss(expression, inputs)(pred, target))


P3, Y3, LABELS = torch.randn(2, 7, 3), torch.rand(2, 7, 3), torch.tensor([0, 2, 3, 1, 3])
CALLS: dict[str, tuple[str, tuple[Any, ...]]] = {
    'numbers': ('delta', (P3[0, 0], Y3[0, 0], torch.tensor([1.0, 0.0, 2.0]))),
    'points': ('delta', (P3, Y3)),
    'points with weights': ('delta', (P3, Y3, torch.arange(14.0).view(2, 7))),
    'coordinates with weights': ('delta', (P3, Y3, torch.arange(42.0).view(2, 7, 3) % 3)),
    'maps of offsets': ('delta', (torch.randn(MAPS), torch.rand(MAPS), torch.rand(2, 5, 6).round())),
    'maps, a weight a pixel': ('delta', (torch.randn(MAPS), torch.rand(MAPS), torch.rand(2, 1, 5, 6).round())),
    'scores of points': ('sigmoid', (P3, Y3)),
    'scores of points with weights': ('sigmoid', (P3, Y3, torch.arange(14.0).view(2, 7))),
    'a mask of pixels': ('heatmap', (torch.randn(MAPS), torch.rand(MAPS), None, torch.rand(2, 1, 5, 6).round())),
    'keypoints and a mask': (
        'heatmap',
        (torch.randn(MAPS), torch.rand(MAPS), torch.tensor([[1, 0, 0.5], [0, 0, 2]]), torch.rand(MAPS).round()),
    ),
    'labels and qualities': ('quality', (torch.randn(5, 3), (LABELS, torch.rand(5)), torch.arange(5.0)[:, None])),
    'qualities of classes': ('quality', (torch.randn(5, 3), torch.eye(5, 3) * torch.rand(5, 1), None, 3.0)),
    'axes': ('bins', ((P3, P3[..., :2]), (Y3, Y3[..., :2]), torch.arange(14.0).view(2, 7), 4.0)),
    'axes without weights': ('bins', ((P3, P3[..., :2]), (Y3, Y3[..., :2]))),
}


@pytest.mark.parametrize('expression', ['{1} * {0} ** 2 - {0}', 'mean_nhw({0} * {1}) * {0}', 't * ({0} - {1}) ** 2'])
@pytest.mark.parametrize(('inputs', 'call'), CALLS.values(), ids=CALLS)
def test_calls_of_heads(inputs: str, call: tuple[Any, ...], expression: str) -> None:
    names = input_kind(inputs).names
    text = expression.format(names[0], names[-1])
    torch.testing.assert_close(exported(text, inputs)['loss'](*call), SearchedLoss(text, inputs)(*call))


def test_shares_in_rows_without_weight_count_in_no_divisor() -> None:
    settings = {'class_weight': FACTORS, 'average': 'class_weight'}
    pred, shares, weight = torch.randn(4, 3), torch.rand(4, 3), torch.tensor([0.0, 1.0, 2.0, 1.0])
    shares[0] = torch.tensor([torch.nan, torch.inf, 0.0])
    found = exported('-y * log(p)', 'softmax', **settings)['loss'](pred, shares, weight)
    wanted = (torch.tensor(FACTORS) * -shares * pred.log_softmax(dim=1))[1:].sum(dim=1) @ weight[1:]
    wanted = wanted / (shares[1:] @ torch.tensor(FACTORS)).sum()
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(SearchedLoss('-y * log(p)', **settings)(pred, shares, weight), wanted)


def test_halves_are_raised() -> None:
    pred, target = torch.randn(5, 3).half(), torch.tensor([0, 1, 2, 1, 0])
    value = exported('-y * log(p)', 'softmax')['loss'](pred, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, torch.nn.functional.cross_entropy(pred.float(), target))


@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid', 'mask'])
@pytest.mark.parametrize('text', ['log(1 - p)', '-y * log(p)', 'log(abs(p)) * log(p - 1) * y', 'maxpool(log(p)) - p'])
def test_sure_mistakes(text: str, inputs: str) -> None:
    pred = 100 * torch.randn(3, 4, 5, 6)
    target = {'softmax': torch.randint(5, (3, 5, 6)), 'sigmoid': torch.rand(3, 4, 5, 6), 'mask': torch.rand(3, 5, 6)}
    call = (pred, target[inputs], torch.tensor([0, 3, 1]) if inputs == 'mask' else torch.rand(3, 5, 6))
    found, wanted = (
        value_and_gradient(f, *call) for f in (exported(text, inputs)['loss'], SearchedLoss(text, inputs))
    )
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('text', ['maxpool(p) * log(p)', 'mean_nhw(p) * exp(1 / p) + minpool(y)', 'mean_c(p * y) + p'])
@pytest.mark.parametrize('inputs', ['softmax', 'sigmoid', 'heatmap'])
def test_what_does_not_count_changes_nothing(text: str, inputs: str) -> None:
    pred, weight = torch.randn(2, 3, 4, 5).abs() + 0.1, (torch.rand(2, 4, 5) > 0.3).float()
    target = torch.randint(3, (2, 4, 5)) if inputs == 'softmax' else torch.rand(2, 3, 4, 5)
    weight = weight[:, None].expand_as(pred).contiguous() if inputs == 'heatmap' else weight
    bad = torch.where(weight.view(2, -1, 4, 5) != 0, pred, torch.nan)
    found, wanted = (value_and_gradient(exported(text, inputs)['loss'], x, target, weight) for x in (bad, pred))
    torch.testing.assert_close(found, wanted)
    assert found[1].isfinite().all()


def test_the_graph_alone() -> None:
    graph = exported('maxpool(p) - y', 'softmax')['loss_graph']
    p, y = torch.rand(2, *MAPS)
    torch.testing.assert_close(graph(p, y), torch.nn.functional.max_pool2d(p, 3, 1, 1) - y)


def test_two_losses_of_which_one_masks() -> None:
    losses = [
        NamedLoss(name, '', 'softmax', text, 1.0) for name, text in (('a', 'mean_nhw(p) - y'), ('log', 'maxpool(p)'))
    ]
    scope: dict[str, Any] = {}
    exec(torch_format.write(Found(tuple(losses)), Options()), scope)
    for loss, function in zip(losses, ('a_loss', 'log_loss'), strict=True):
        assert_same(loss.expression, 'softmax', scope[function], plain_loss(parse(loss.expression), 'softmax'))
