"""What algebra takes for one loss has one gradient on whatever a branch is trained on: all kinds, weights and masks."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, apply, canonical, mutate, parse, random_tree
from mmautoloss.losses import INPUT_KINDS, InputKind, input_kind
from mmautoloss.losses.definition import Call, plain_total

GRAPHS = 250
SMALL = 1e-4  # a gradient of this size is one; below may be what rounding leaves of terms that cancel
CONSTANTS = ('0', '0.5', '2', '30', '1e-07', '1')
ROWS, MAPS = (6, 3), (2, 3, 4, 5)
SHAPES = {name: (MAPS,) for name in ('mask', 'heatmap', 'peak')} | {'softmax': (ROWS, MAPS), 'sigmoid': (ROWS, MAPS)}


def graphs(kind: InputKind) -> Iterator[tuple[Tree, Tree | None]]:
    """Random expressions, mutated, many with other constants than 1, and their forms where these are others."""
    rng = random.Random(5)
    while True:
        left, right = (random_tree(rng, kind.names, depth=rng.randint(1, 3)) for _ in range(2))
        tree = apply(rng.choice(('add', 'mul')), left, right)
        for _ in range(rng.randrange(6)):
            tree, _ = mutate(tree, rng, kind.names, max_nodes=40)
        tree = Tree([rng.choice(CONSTANTS) if node == '1' else node for node in tree.nodes])
        form = canonical(tree, kind.from_prediction)
        if form != tree and not kind.from_prediction.isdisjoint(tree.nodes):
            yield tree, form


def calls(name: str) -> Iterator[tuple[Tensor, Call]]:
    """Predictions, and calls without expression: with weights of elements, some 0, and with masks that differ by channel."""
    generator = torch.Generator().manual_seed(2)
    kind = input_kind(name)

    def numbers(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    for shape in SHAPES.get(name, (ROWS,)):
        if name == 'area':
            corners, sides = 8 * numbers(2, 9, 2), 1 + 9 * numbers(2, 9, 2)
            pred, target = torch.cat([corners, corners + sides], dim=2)
            yield pred, Call(parse('1'), kind, target, numbers(9, 1, 1, 1))
            continue
        pred = 3 * torch.randn(shape, generator=generator, dtype=torch.float64)
        target = (
            torch.randint(3, (shape[0], *shape[2:]), generator=generator)
            if kind.one_hot or name == 'cosine'
            else numbers(*shape)
        )
        if kind.related:
            target = torch.tensor([0, 0, 1, 1, 1, 2])
        if name == 'quality':
            target = numbers(shape[0], shape[1] + 1)
        if not kind.weighted:
            yield pred[:, :1], Call(parse('1'), kind, target[:, :1])
            continue
        wide = (shape[0], kind.channels(pred), *shape[2:], 1, 1)[:4]
        valid = numbers(wide[0], 1 if kind.one_hot else wide[1], *wide[2:]) > 0.4 if shape == MAPS else None
        weight = numbers(*wide) * (numbers(*wide) > 0.2)
        yield pred, Call(parse('1'), kind, target, weight, 0.5 + numbers(1, wide[1], 1, 1), valid)
        yield pred, Call(parse('1'), kind, target, None, None, valid)


def gradient_of(pred: Tensor, call: Call, tree: Tree | None) -> tuple[Tensor, float]:
    """The gradient, and the size of what is rounded in it: softmax takes sums over channels from each other."""
    pred, leaves = pred.clone().requires_grad_(), []

    class Watched(type(call.kind)):
        def tensors(self, pred: Tensor, target: Tensor) -> dict[str, Tensor]:
            found = super().tensors(pred, target)
            leaves.extend(found[name] for name in sorted(self.from_prediction))
            return found

    total = plain_total(pred, call._replace(tree=tree or Tree(('1',)), kind=Watched()))
    total = total + 0 * (pred.sum() + sum(leaf.sum() for leaf in leaves))
    gradient, *of_leaves = torch.autograd.grad(total, [pred, *leaves])
    return gradient, max(
        SMALL, *(float(each.abs().where(each.isfinite(), 0).max()) for each in (gradient, *of_leaves))
    )


def same(one: tuple[Tensor, float], other: tuple[Tensor, float], tolerance: float) -> bool:
    (left, size), (right, _) = one, other
    finite = left.isfinite()
    close = torch.allclose(left[finite], right[finite], rtol=tolerance, atol=tolerance * size)
    return close and torch.equal(finite, right.isfinite())


def in_single(pred: Tensor, call: Call) -> tuple[Tensor, Call]:
    def single(tensor: Tensor | None) -> Tensor | None:
        return tensor.float() if tensor is not None and tensor.dtype == torch.float64 else tensor

    target, weight, channel_weight = (single(each) for each in (call.target, call.weight, call.channel_weight))
    return pred.float(), call._replace(target=target, weight=weight, channel_weight=channel_weight)


@pytest.mark.parametrize('name', INPUT_KINDS)
def test_canonical_form_has_the_same_gradient_in_any_call(name: str) -> None:
    kind = input_kind(name)
    pairs = list(islice(graphs(kind), GRAPHS))
    in_float32_only = 0
    for pred, call in calls(name):
        for tree, form in pairs:
            if not same(gradient_of(pred, call, tree), gradient_of(pred, call, form), 1e-7):
                # constants are folded as float32 has them: log(1) is 0 there, and 1e-12 in float64
                single, of_single = in_single(pred, call)
                found = [gradient_of(single, of_single, each) for each in (tree, form)]
                assert same(*found, 1e-3), f'{name}: {tree} is not {form}'
                in_float32_only += 1
    assert in_float32_only < GRAPHS / 5


@pytest.mark.parametrize(
    ('one', 'other', 'inputs'),
    [
        pytest.param('(mean_c(mean_nhw(p)) - y) ** 2', '(mean_nhw(mean_c(p)) - y) ** 2', 'heatmap', id='means'),
        pytest.param('mean_c(p * y)', 'p * y', 'delta', id='mean over channels at the root'),
        pytest.param('mean_nhw(p * y) + p', 'p * y + p', 'softmax', id='mean over rows in a sum'),
        pytest.param('-mean_c(-mean_nhw(p * y))', '-mean_nhw(-mean_c(p * y))', 'sigmoid', id='means with signs'),
        pytest.param('0 * exp(exp(exp(3 * p))) + p * y', 'p * y', 'heatmap', id='no longer finite'),
    ],
)
def test_what_differs_in_some_call_has_two_forms(one: str, other: str, inputs: str) -> None:
    trees, kind = [parse(one), parse(other)], input_kind(inputs)
    found = [[gradient_of(pred, call, tree) for tree in trees] for pred, call in calls(inputs)]
    assert not all(same(*pair, 1e-9) for pair in found)
    assert canonical(trees[0], kind.from_prediction) != canonical(trees[1], kind.from_prediction)
