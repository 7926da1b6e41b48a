"""The losses of CSE-Autoloss: the published text against the formulas that its authors give beside it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, canonical, compile_tree, parse, parse_prefix, simplify
from mmautoloss.expr.prefix import LOGIT
from mmautoloss.losses import SearchedLoss
from mmautoloss.losses.zoo import CSE


def reg_a(i, u, e):
    return (1 - i / u) + (1 - (i + 2) / e)


def reg_b(i, u, e):
    above = 3 * e * u + 12 * e + 3 * i + 3 * u + 18
    return above / (-3 * e * u + i * u + u**2 - 15 * e + 5 * i + 5 * u)


def cls_a(x, y, q):
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    return -(1 + np.sin(q)) * y * np.log(p)


def cls_b(x, y, q):
    """With the authors' weight w * y, which is ``q``: 0 but at the true class."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    scaled_erf = torch.erf(torch.from_numpy(np.sqrt(np.pi) / 4 * sigmoid(1 - y))).numpy() / 2 + 0.5
    scaled_gd = np.arctan(np.sinh(np.pi / 4 * x)) / np.pi + 0.5
    positive = q * (1 + scaled_erf) * np.log(sigmoid(x))
    return -(positive + (scaled_gd - q) * (sigmoid(x) - q) * np.log(1 - sigmoid(x)))


REGRESSION = {'a': reg_a, 'b': reg_b}


def boxes(count: int) -> tuple[Tensor, Tensor]:
    """Predictions and targets (M, 4) that overlap."""
    corner, size = 5 * torch.rand(count, 2, dtype=torch.float64), 1 + 3 * torch.rand(count, 2, dtype=torch.float64)
    target = torch.cat([corner, corner + size], dim=1)
    return target + 0.2 * torch.randn(count, 4, dtype=torch.float64), target


def areas(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Intersection, union and enclosure by definition, in the units of the boxes."""

    def area(low: Tensor, high: Tensor) -> Tensor:
        return (high - low).clamp(min=0).prod(dim=1)

    i = area(torch.maximum(pred, target)[:, :2], torch.minimum(pred, target)[:, 2:])
    e = area(torch.minimum(pred, target)[:, :2], torch.maximum(pred, target)[:, 2:])
    return i, area(pred[:, :2], pred[:, 2:]) + area(target[:, :2], target[:, 2:]) - i, e


@pytest.mark.parametrize('name', REGRESSION)
def test_regression_is_imported_as_published(name):
    rng = np.random.default_rng(0)
    i, u, e = np.cumsum(rng.random((3, 500)) * 3 + 0.1, axis=0)
    wanted = REGRESSION[name](i, u, e)
    tensors = {key: torch.from_numpy(value).view(-1, 1, 1, 1) for key, value in zip('iue', (i, u, e), strict=True)}
    found = compile_tree(parse_prefix(CSE[f'{name}_reg']))(tensors).flatten().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize('name', REGRESSION)
def test_regression_of_boxes_in_areas_of_the_target(name, zoo_loss, assert_same):
    pred, target = boxes(40)
    size = (target[:, 2:] - target[:, :2]).prod(dim=1)

    def theirs(pred: Tensor, target: Tensor) -> Tensor:
        return REGRESSION[name](*(area / size for area in areas(pred, target))).mean()

    assert_same(zoo_loss(f'cse_{name}', 'area'), theirs, pred, target, tol=1e-9)


@pytest.mark.parametrize('name', REGRESSION)
def test_constants_depend_on_the_unit(name, zoo_loss, assert_same):
    """Equal to the authors' own loss, in units of the boxes, where a target has the area 1, and else not."""
    ours = zoo_loss(f'cse_{name}', 'area')
    pred, target = boxes(40)
    unit = target / (target[:, 2:] - target[:, :2]).repeat(1, 2)
    moved = unit + 0.1 * torch.randn(40, 4, dtype=torch.float64)
    assert_same(ours, lambda *call: REGRESSION[name](*areas(*call)).mean(), moved, unit, tol=1e-9)
    assert abs(ours(pred, target) - REGRESSION[name](*areas(pred, target)).mean()) > 0.1


@pytest.mark.parametrize('name', REGRESSION)
def test_regression_is_best_at_the_target(name, zoo_loss):
    _, target = boxes(40)
    ours = zoo_loss(f'cse_{name}', 'area', reduction='none')
    moved = target + 0.3 * torch.randn(40, 4, dtype=torch.float64)
    assert (ours(moved, target) > ours(target, target)).all()


def scores(softmax: bool) -> dict[str, np.ndarray]:
    """Logits, one-hot labels and qualities (M, 5), as the authors' code makes them."""
    rng = np.random.default_rng(0)
    y = np.eye(5)[rng.integers(0, 5, 60)]
    q = rng.random((60, 1)) * np.ones((1, 5)) if softmax else rng.random((60, 1)) * y
    return {'x': 2 * rng.standard_normal((60, 5)), 'y': y, 'q': q}


def evaluate(tree: Tree, arrays: dict[str, np.ndarray], activation: Callable[[Tensor], Tensor]) -> np.ndarray:
    tensors = {name: torch.from_numpy(array)[:, :, None, None] for name, array in arrays.items()}
    tensors['p'] = activation(tensors.pop('x'))
    return compile_tree(tree)(tensors)[:, :, 0, 0].numpy()


def test_classification_a():
    tree = parse_prefix(CSE['a_cls'])
    assert tree.inputs == ('p', 'q', 'y')
    arrays = scores(softmax=True)
    found = evaluate(tree, arrays, lambda x: x.softmax(dim=1)).sum(axis=1)  # their Dot: the sum over the classes
    np.testing.assert_allclose(found, cls_a(**arrays).sum(axis=1), rtol=1e-9)


def test_classification_b():
    tree = parse_prefix(CSE['b_cls'], leaves={'X': LOGIT})
    assert tree.inputs == ('p', 'q', 'y')
    arrays = scores(softmax=False)
    np.testing.assert_allclose(evaluate(tree, arrays, torch.sigmoid), cls_b(**arrays), rtol=1e-7, atol=1e-10)


def test_classification_b_in_a_head_that_passes_qualities():
    """Pasted as a loss, for the call of GFL and RTMDet."""
    arrays = scores(softmax=False)
    logits, labels = torch.from_numpy(arrays['x']).requires_grad_(), torch.from_numpy(arrays['y'].argmax(axis=1))
    quality = torch.from_numpy(arrays['q'].max(axis=1))
    loss = SearchedLoss(parse_prefix(CSE['b_cls'], leaves={'X': LOGIT}), inputs='quality', use_sigmoid=True)
    value = loss(logits, (labels, quality), torch.ones(60), avg_factor=7.0)
    np.testing.assert_allclose(value.item(), cls_b(**arrays).sum() / 7, rtol=1e-6)
    assert torch.autograd.grad(value, logits)[0].isfinite().all()


@pytest.mark.parametrize('name', CSE)
def test_imported_trees_are_like_any_other(name):
    tree = parse_prefix(CSE[name], leaves={'X': LOGIT})
    assert parse(str(tree)) == tree
    prediction = set(tree.inputs) - {'y', 'q'}
    assert canonical(tree, prediction) == canonical(simplify(tree), prediction) is not None
