"""Rows without weight leave no trace, no rows give a zero with gradient, halves become float32."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from mmautoloss.losses import SearchedLoss, plain_loss

# kind: expression, predictions, targets
KINDS = {
    'softmax': ('-y * log(p)', torch.randn(6, 3), torch.tensor([0, 1, 2, 0, 1, 2])),
    'sigmoid': ('(p - y) ** 2', torch.randn(6, 2), torch.tensor([0, 1, 2, 0, 1, 2])),
    'elements': ('(p - y) ** 2', torch.randn(6, 2), torch.rand(6, 2)),
    'delta': ('abs(p - y)', torch.randn(6, 4), torch.randn(6, 4)),
    'area': (
        '1 - i / u + (e - u) / e',
        torch.tensor([[0.0, 0, 9, 9]]) + torch.arange(6.0)[:, None],
        torch.tensor([[2.0, 1, 9, 8]]) + torch.arange(6.0)[:, None],
    ),
}
NOT_FINITE = {'nan': math.nan, 'inf': math.inf, '-inf': -math.inf}


def build(kind: str, **kwargs) -> tuple[SearchedLoss, Tensor, Tensor]:
    expression, pred, target = KINDS[kind]
    inputs = 'sigmoid' if kind == 'elements' else kind
    loss = SearchedLoss(expression, inputs=inputs, **kwargs)
    return loss, pred.clone().requires_grad_(), target.clone()


def weights(kind: str, of_elements: bool) -> Tensor:
    """1 for the even rows, 0 for the odd ones."""
    weight = torch.tensor([1.0, 0, 1, 0, 1, 0])
    return weight[:, None].repeat(1, KINDS[kind][1].shape[1]) if of_elements else weight


@pytest.mark.parametrize('bad', NOT_FINITE.values(), ids=NOT_FINITE)
@pytest.mark.parametrize(
    ('kind', 'of_elements'),
    [(kind, False) for kind in KINDS] + [(kind, True) for kind in KINDS if kind != 'softmax'],
)
def test_rows_of_weight_0_poison_neither_value_nor_gradient(kind, of_elements, bad):
    loss, pred, target = build(kind)
    even = loss(pred[::2], target[::2], avg_factor=3)
    (wanted,) = torch.autograd.grad(even, pred)
    with torch.no_grad():
        pred[1::2] = bad
        if target.is_floating_point():
            target[1::2] = bad
    found = loss(pred, target, weights(kind, of_elements), avg_factor=3)
    (gradient,) = torch.autograd.grad(found, pred)
    torch.testing.assert_close(found, even)
    torch.testing.assert_close(gradient, wanted)
    assert not gradient[1::2].any()


@pytest.mark.parametrize('kind', ['softmax', 'sigmoid'])
def test_ignored_rows_poison_neither(kind):
    loss, pred, target = build(kind, ignore_index=255)
    target[1::2] = 255
    wanted = loss(pred[::2], target[::2])
    with torch.no_grad():
        pred[1::2] = math.nan
    found = loss(pred, target)
    torch.testing.assert_close(found, wanted)
    assert torch.autograd.grad(found, pred)[0].isfinite().all()


@pytest.mark.parametrize('kind', KINDS)
def test_rows_that_count_show_nan(kind):
    loss, pred, target = build(kind)
    with torch.no_grad():
        pred[0, 0] = math.nan
    assert loss(pred, target).isnan()
    values = loss(pred, target, reduction_override='none')
    assert values.view(6, -1).isnan().any(dim=1).tolist() == [True] + [False] * 5


@pytest.mark.parametrize('kind', KINDS)
def test_means_in_the_graph_are_over_the_rows_that_count(kind):
    name = 'i' if kind == 'area' else 'p'
    inputs = 'sigmoid' if kind == 'elements' else kind
    loss = SearchedLoss(f'mean_nhw({name}) ** 2', inputs=inputs)
    _, pred, target = KINDS[kind]
    found, wanted = loss(pred, target, weights(kind, False), avg_factor=3), loss(pred[::2], target[::2], avg_factor=3)
    torch.testing.assert_close(found, wanted)


def nothing_counts(kind: str) -> dict[str, tuple]:
    """Calls of a loss in which no row counts."""
    _, pred, target = KINDS[kind]
    empty = (pred[:0], target[:0])
    calls = {
        'no rows': empty,
        'no rows, weights': (*empty, torch.zeros(0)),
        'all weights 0': (pred, target, torch.zeros(6)),
    }
    if kind in ('softmax', 'sigmoid'):
        calls['all ignored'] = (pred, torch.full((6,), 255))
    else:
        calls['no rows, weights of elements'] = (*empty, pred[:0].clone())
        calls['all weights of elements 0'] = (pred, target, torch.zeros_like(pred))
    return calls


CASES = [(kind, case) for kind in KINDS for case in nothing_counts(kind) if kind != 'elements']


@pytest.mark.parametrize('bad', [False, True], ids=['finite', 'nan'])
@pytest.mark.parametrize('call', [{}, {'avg_factor': 0}, {'avg_factor': 8}], ids=str)
@pytest.mark.parametrize(('kind', 'case'), CASES)
def test_nothing_counts(kind, case, call, bad):
    """0 and not nothing: with DDP every parameter must take part in every step."""
    loss, _, _ = build(kind, ignore_index=255)
    pred, *rest = nothing_counts(kind)[case]
    features = torch.ones(len(pred), 7)
    layer = torch.nn.Linear(7, pred.shape[1])
    value = loss(layer(features) + (math.nan if bad else 0), *rest, **call)
    assert value.shape == ()
    assert value.item() == 0
    value.backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None
        assert not parameter.grad.any()


@pytest.mark.parametrize('kind', KINDS)
def test_nothing_counts_without_reduction(kind):
    loss, pred, target = build(kind)
    value = loss(pred, target, torch.zeros(6), reduction_override='none')
    assert len(value) == 6 and not value.any()
    value.sum().backward()
    assert not pred.grad.any()
    empty = loss(pred[:0], target[:0], reduction_override='none')
    assert empty.shape == (0, *value.shape[1:]) and empty.requires_grad


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize('kind', KINDS)
def test_halves_under_autocast_are_computed_in_float32(kind, dtype):
    loss, pred, target = build(kind)
    half = pred.detach().to(dtype).requires_grad_()
    wanted = loss(half.float(), target, avg_factor=3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = loss(half, target, avg_factor=3)
    assert found.dtype == torch.float32
    assert torch.equal(found, wanted)
    found.backward()
    assert half.grad.dtype == dtype
    assert half.grad.isfinite().all()


def test_what_overflows_a_half_does_not_overflow():
    pred = torch.tensor([[12.0, 0.0]], dtype=torch.float16)
    assert torch.exp(pred).isinf().any()
    found = SearchedLoss('exp(p)', inputs='delta')(pred, torch.zeros(1, 2))
    assert found.item() == pytest.approx(math.exp(12) + 1)
    box = torch.tensor([[0.0, 0, 900, 900]], dtype=torch.float16)  # an area of 8e5
    assert SearchedLoss('i', inputs='area')(box, box).item() == 1


@pytest.mark.parametrize('kind', KINDS)
def test_float64_stays(kind):
    loss, pred, target = build(kind)
    for rows in (slice(None), slice(0)):
        assert loss(pred[rows].double(), target[rows]).dtype == torch.float64


@pytest.mark.parametrize('avg_factor', [None, 0.0, 3.0])
@pytest.mark.parametrize('kind', KINDS)
def test_the_definition_is_divided_by_the_same(kind, avg_factor):
    loss, pred, target = build(kind)
    found = plain_loss(loss.graph.tree, loss.kind.name)(pred, target, avg_factor=avg_factor)
    assert found.isfinite()
    torch.testing.assert_close(found, loss(pred, target, avg_factor=avg_factor))
