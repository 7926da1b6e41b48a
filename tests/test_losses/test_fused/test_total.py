"""Fused evaluation has the values and gradients of the definition: thousands of graphs, all kinds of input, any cut."""

from __future__ import annotations

import random

import pytest
import torch
from torch import Tensor

from mmautoloss.expr import Tree, mutate, parse, random_tree
from mmautoloss.losses import ZOO, SearchedLoss, input_kind
from mmautoloss.losses.definition import Call, plain_total
from mmautoloss.losses.fused import blocks as blocks_module
from mmautoloss.losses.fused import fused_total
from mmautoloss.losses.fused.plan import plan_of

GRAPHS = 100
KINDS = {
    'softmax': (torch.Size([7, 4]), 'labels'),
    'softmax maps': (torch.Size([2, 4, 6, 5]), 'labels'),
    'sigmoid': (torch.Size([7, 3]), 'elements'),
    'sigmoid maps': (torch.Size([2, 3, 6, 5]), 'elements'),
    'mask': (torch.Size([3, 1, 6, 5]), 'elements'),
    'heatmap': (torch.Size([2, 3, 6, 5]), 'elements'),
    'delta': (torch.Size([7, 4]), 'elements'),
    'area': (torch.Size([9, 4]), 'boxes'),
}


def graphs(names: tuple[str, ...], count: int = GRAPHS) -> list[Tree]:
    """Random expressions, mutated, some with other constants than 1."""
    rng, found = random.Random(7), []
    for index in range(count):
        tree = random_tree(rng, names, depth=1 + index % 4)
        for _ in range(rng.randrange(5)):
            tree, _ = mutate(tree, rng, names, max_nodes=30)
        found.append(Tree([rng.choice(('0.25', '2', '1')) if node == '1' else node for node in tree.nodes]))
    return found


def call_of(kind: str, tree: Tree, masked: bool, weighted: bool) -> tuple[Tensor, Call]:
    """A call whose prediction needs a gradient."""
    (shape, of), name = KINDS[kind], kind.split()[0]
    pred, weight, valid, channel_weight = torch.randn(shape, dtype=torch.float64), None, None, None
    target = torch.rand(shape, dtype=torch.float64)
    if of == 'labels':
        target = torch.randint(shape[1], (shape[0], *shape[2:]))
    if of == 'boxes':
        corners, sides = 8 * torch.rand(2, 9, 2).double(), 1 + 9 * torch.rand(2, 9, 2).double()
        pred, target = torch.cat([corners, corners + sides], dim=2)
    channels = 1 if name == 'area' else shape[1]
    if masked and len(shape) == 4:
        valid = torch.rand(shape[0], channels if name == 'heatmap' else 1, *shape[2:]) > 0.3
        valid = valid[..., :1, :1] if name == 'heatmap' else valid
    if weighted:
        weight = torch.rand(shape[0], 1, *shape[2:] if len(shape) == 4 else (1, 1), dtype=torch.float64)
        channel_weight = torch.rand(1, channels, 1, 1, dtype=torch.float64)
    return pred.requires_grad_(), Call(tree, input_kind(name), target, weight, channel_weight, valid)


def assert_same(pred: Tensor, call: Call) -> bool:
    """Whether the definition is finite; if so, fused evaluation must be the same, and else not finite either."""
    wanted, found = plain_total(pred, call), fused_total(pred, call, scale=0.5)
    if not wanted.requires_grad:
        assert not found.requires_grad or not torch.autograd.grad(found, pred)[0].any()
        return False
    (slope,), (gradient,) = torch.autograd.grad(0.5 * wanted, pred), torch.autograd.grad(found, pred)
    if not (wanted.isfinite() and slope.isfinite().all()):
        assert not (found.isfinite() and gradient.isfinite().all()), call.tree
        return False
    case = str(call.tree)
    torch.testing.assert_close(found, 0.5 * wanted, rtol=1e-7, atol=1e-9, msg=lambda text: f'{case}: {text}')
    limit = 1e-7 * float(slope.abs().max()) + 1e-12
    assert float((gradient - slope).abs().max()) <= limit, case
    return True


@pytest.mark.parametrize('weighted', [False, True], ids=['plain', 'weighted'])
@pytest.mark.parametrize(
    ('kind', 'masked'),
    # rows are taken out, not masked
    [(kind, masked) for kind in KINDS for masked in (False, True) if not masked or len(KINDS[kind][0]) > 2],
)
def test_equals_the_definition(kind, masked, weighted, cut):
    trees = graphs(input_kind(kind.split()[0]).names, GRAPHS if cut == 'at once' else GRAPHS // 5)
    finite = sum(assert_same(*call_of(kind, tree, masked, weighted)) for tree in trees)
    assert finite > len(trees) / 4


MEANS = (
    'y * mean_nhw(mean_c(p))',
    'y * p * mean_nhw(mean_c(p * p))',
    'log(y) * mean_nhw(mean_c(p))',
    'mean_nhw(mean_c(p * y)) * mean_nhw(p)',
    'mean_nhw(mean_c(p)) * mean_nhw(p * p) * mean_c(p * y)',
    'mean_nhw(mean_c(p) * mean_nhw(p)) * mean_c(y * p)',
)
"""Products of means, which are one number for all channels, for all positions, or for both."""


@pytest.mark.parametrize('text', MEANS)
def test_means_of_means(text, cut):
    for kind in KINDS:
        if kind != 'area':
            masked = len(KINDS[kind][0]) > 2
            assert assert_same(*call_of(kind, parse(text), masked, weighted=True)), kind


def test_small_formulas_on_few_numbers_are_left_to_autograd(cut):
    pred, call = call_of('delta', parse('abs(p - y)'), masked=False, weighted=True)
    left = 'Total' not in type(fused_total(pred, call).grad_fn).__name__
    assert left == (cut == 'tiny')


BY_DEFINITION = {'joint_dice', 'ce_dice'}
"""Known losses with means of means, which have no plan."""


@pytest.mark.parametrize('name', ZOO)
def test_known_losses_have_plans(name, cut):
    for kind in KINDS:
        if kind.split()[0] in ZOO[name].inputs:
            pred, call = call_of(kind, parse(ZOO[name].expression), masked=True, weighted=True)
            plan = plan_of(call.tree, call.kind.from_prediction, call.kind.one_hot, pred.dtype)
            assert bool(plan) == (name not in BY_DEFINITION)
            assert plan is None or assert_same(pred, call)


def test_cross_entropy_looks_at_the_channel_of_the_label_alone():
    plan = plan_of(parse('-y * log(p)'), frozenset('p'), True, torch.float32)
    assert plan.root.sparse and plan.names == ('p_label',)
    dense = plan_of(parse('-y * log(p)'), frozenset('p'), False, torch.float32)
    assert not dense.root.sparse and set(dense.names) == {'p', 'y'}


@pytest.mark.parametrize('text', ['y * exp(90 - 90 * p)', 'y * exp(1 / p)', 'y * 1e300 * p'])
def test_zero_times_infinity_still_shows(text):
    """Away from the label y is 0, and 0 * Inf is NaN: such a factor is computed in all channels."""
    pred = torch.tensor([[200.0, 0.0, -200.0]], requires_grad=True)  # p is 1, 0 and 0
    value = SearchedLoss(text)(pred, torch.tensor([0]))
    (gradient,) = torch.autograd.grad(value, pred)
    call = Call(parse(text), input_kind('softmax'), torch.tensor([0]))
    wanted = plain_total(pred, call)
    (slope,) = torch.autograd.grad(wanted, pred)
    assert bool(value.isfinite()) == bool(wanted.isfinite())
    assert bool(gradient.isfinite().all()) == bool(slope.isfinite().all())
    assert not (wanted.isfinite() and slope.isfinite().all())


def test_pools_and_constants_are_computed_by_the_definition():
    for text in ('maxpool(p)', 'y + 1', 'mean_c(mean_nhw(p))'):
        assert plan_of(parse(text), frozenset('p'), False, torch.float32) is None
    p, y = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3)
    found = SearchedLoss('maxpool(p) * y', inputs='delta')(p, y)
    torch.testing.assert_close(found, (p * y).sum() / 2)


def test_long_sums_are_computed_too():
    p = torch.ones(1, 1, requires_grad=True)
    loss = SearchedLoss(' + '.join(['p'] * 151), 'delta')  # as deep as an expression may be
    (gradient,) = torch.autograd.grad(loss(p, torch.ones(1, 1)), p)
    assert gradient.item() == 151


def test_backward_twice_and_again():
    """retain_graph and create_graph do as they do elsewhere."""
    loss, pred, target = (
        SearchedLoss('(p - y) ** 2', 'delta'),
        torch.randn(3, 2, requires_grad=True),
        torch.randn(3, 2),
    )
    value = loss(pred, target, avg_factor=1)
    one, two = (torch.autograd.grad(value, pred, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(one, two)
    torch.testing.assert_close(one, 2 * (pred - target).detach())
    (slope,) = torch.autograd.grad(3 * value, pred, create_graph=True)
    (second,) = torch.autograd.grad(slope.sum(), pred)
    torch.testing.assert_close(second, torch.full_like(pred, 6.0))


def test_factors_of_the_value_reach_the_gradient():
    pred, target = torch.randn(3, 2, requires_grad=True), torch.randn(3, 2)
    (SearchedLoss('p * y', 'delta', loss_weight=0.5)(pred, target, avg_factor=4) * 3).backward()
    torch.testing.assert_close(pred.grad, target * 0.375)


@pytest.mark.parametrize('rows', [3, 20_000])
@pytest.mark.parametrize('of', ['target', 'weight', 'avg_factor'])
def test_targets_weights_and_divisors_have_gradients_too(rows, of):
    pred = torch.randn(rows, 4, requires_grad=True)
    call = {'target': torch.randn(rows, 4), 'weight': torch.rand(rows, 4) + 0.1, 'avg_factor': torch.tensor(9.0)}
    call[of].requires_grad_()
    found = torch.autograd.grad(SearchedLoss('abs(p - y)', 'delta')(pred, **call), (pred, call[of]))
    total = ((pred - call['target']).abs() * call['weight']).sum()
    wanted = torch.autograd.grad(total / call['avg_factor'], (pred, call[of]))
    torch.testing.assert_close(found, wanted)


def test_nothing_is_saved_but_the_gradient():
    """Memory: a tensor as large as the prediction, whatever the expression."""
    pred, sizes = torch.randn(4, 6, requires_grad=True), []

    def keep(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        SearchedLoss('exp(tanh(p * y)) / (2 + sin(p)) + log(p)', 'delta')(pred, torch.randn(4, 6))
    assert sizes == [24, 24]


def test_without_gradient_nothing_is_saved():
    loss, pred, target = SearchedLoss('p * y', 'delta'), torch.ones(2, 2, requires_grad=True), torch.ones(2, 2)
    with torch.no_grad():
        assert not loss(pred, target).requires_grad
    assert not loss(pred.detach(), target).requires_grad


def test_one_result_whatever_the_number_of_threads(cut):
    pred, call = call_of('softmax maps', parse('mean_nhw(p * y) / mean_nhw(p) + p * y'), True, True)
    count, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append((fused_total(pred, call), *torch.autograd.grad(fused_total(pred, call), pred)))
    finally:
        torch.set_num_threads(count)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


def test_an_error_in_a_block_is_raised_and_the_next_call_is_as_ever(monkeypatch):
    for name in ('TINY', 'SMALL'):
        monkeypatch.setattr(blocks_module, name, 0)
    pred, call = call_of('softmax maps', parse('p * y'), False, False)
    count = torch.get_num_threads()
    with pytest.raises((IndexError, RuntimeError)):
        fused_total(pred, call._replace(target=call.target[:, :2]))
    assert torch.get_num_threads() == count
    assert assert_same(pred, call)
