"""Losses that read the elapsed share of the training, computed in every way."""

from __future__ import annotations

import random
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.expr import Primitive, Tree, canonical, parse, random_tree, register_primitive, simplify
from mmautoloss.expr.elapsed import reads_elapsed
from mmautoloss.losses import INPUT_KINDS, SearchedLoss, input_kind, plain_loss, shorter_form
from mmautoloss.losses.elapsed import elapsed_share, training_at
from mmautoloss.losses.fused.plan import plan_of
from mmautoloss.losses.short_forms import same_gradient
from tests.isolation import run_without
from tests.test_losses.test_fused.test_total import KINDS, assert_same, call_of, graphs

SHARES = (0.0, 0.3, 1.0)
SCHEDULE = '-(1 - t) * y * log(p) + t * (p - y) ** 2'
"""Cross-entropy at the beginning, the squared error at the end."""


def by_hand(pred: Tensor, labels: Tensor, weight: Tensor, share: float) -> Tensor:
    """The same from torch's own losses."""
    one_hot = F.one_hot(labels, pred.shape[1])
    rows = (1 - share) * F.cross_entropy(pred, labels, reduction='none')
    rows = rows + share * (pred.softmax(dim=1) - one_hot).square().sum(dim=1)
    return (weight * rows).sum() / len(pred)


def rows_of(count: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    pred = torch.randn(count, 4, dtype=torch.float64, requires_grad=True)
    return pred, torch.randint(4, (count,)), torch.rand(count, dtype=torch.float64) + 0.1


@pytest.mark.parametrize('share', SHARES)
def test_value_and_gradient_are_those_of_torch(share: float, cut: str) -> None:
    pred, labels, weight = rows_of()
    wanted = by_hand(pred, labels, weight, share)
    (slope,) = torch.autograd.grad(wanted, pred)
    for loss in (SearchedLoss(SCHEDULE), plain_loss(parse(SCHEDULE), 'softmax')):
        with training_at(share):
            value = loss(pred, labels, weight)
        torch.testing.assert_close(value, wanted, rtol=1e-12, atol=1e-12)  # backward may follow later
        torch.testing.assert_close(torch.autograd.grad(value, pred)[0], slope, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize('share', SHARES)
@pytest.mark.parametrize(('kind', 'masked'), [(kind, len(KINDS[kind][0]) > 2) for kind in KINDS])
def test_random_expressions_are_computed_as_defined(kind: str, masked: bool, share: float, cut: str) -> None:
    names = (*input_kind(kind.split()[0]).names, 't')
    trees = [tree for tree in graphs(names, 60) if reads_elapsed(tree)]
    elapsed, finite = torch.tensor(share, dtype=torch.float64), 0
    for tree in trees:
        pred, call = call_of(kind, tree, masked, weighted=True)
        finite += assert_same(pred, call._replace(elapsed=elapsed))
    assert finite > len(trees) / 6


@pytest.mark.parametrize(
    'text',
    ['y * t * p', 'mean_c(y * t) * p', 'exp(y * t) * p', 'mean_nhw(t) * p * y', 'mean_c(exp(t)) * y * p', SCHEDULE],
)
def test_the_share_is_a_scalar_of_a_plan(text: str, cut: str) -> None:
    for kind in ('softmax', 'softmax maps'):
        pred, call = call_of(kind, parse(text), masked=kind != 'softmax', weighted=True)
        assert plan_of(call.tree, call.kind.from_prediction, call.kind.one_hot, pred.dtype)
        assert assert_same(pred, call._replace(elapsed=torch.tensor(0.3).double()))


def test_values_without_reduction_and_second_derivatives_know_the_share() -> None:
    pred, labels, weight = rows_of()
    loss = SearchedLoss(SCHEDULE)
    with training_at(0.25):
        values = loss(pred, labels, weight, reduction_override='none')
        total = loss(pred, labels, weight)
    torch.testing.assert_close(values.sum() / len(pred), by_hand(pred, labels, weight, 0.25))
    found, wanted = (
        torch.autograd.grad(torch.autograd.grad(each, pred, create_graph=True)[0].square().sum(), pred)[0]
        for each in (total, by_hand(pred, labels, weight, 0.25))
    )
    torch.testing.assert_close(found, wanted)


@pytest.mark.usefixtures('traced')
def test_compiled_code_takes_it_as_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._dynamo.utils as dynamo

    from mmautoloss.losses.fused import blocks, compiler

    monkeypatch.setattr(blocks, 'TINY', 0)
    loss, graphs_made = SearchedLoss(SCHEDULE, compile=True), []
    for share in (*SHARES, 0.7):
        pred, labels, weight = rows_of()
        with training_at(share):
            value = loss(pred, labels, weight)
        wanted = by_hand(pred, labels, weight, share)
        torch.testing.assert_close(value, wanted)
        torch.testing.assert_close(*(torch.autograd.grad(each, pred)[0] for each in (value, wanted)))
        graphs_made.append(dynamo.counters['stats']['unique_graphs'])
    assert not compiler._failed and graphs_made[0] == graphs_made[-1]


def test_it_is_1_outside_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    assert elapsed_share() == 1
    with training_at(0.5):
        with training_at(0.0):
            assert elapsed_share() == 0
        assert elapsed_share() == 0.5
    for wrong in (-0.1, 1.5, float('nan'), '0'):
        with pytest.raises(SetupError, match='the elapsed share of the training'), training_at(wrong):
            pass
    monkeypatch.delitem(sys.modules, 'mmengine.logging', raising=False)
    assert elapsed_share() == 1


def test_without_mmengine_it_is_1() -> None:
    code = (
        'import torch; from mmautoloss.losses import SearchedLoss; '
        'loss = SearchedLoss("t * abs(p - y)", "delta"); print(loss(torch.zeros(1, 1), torch.ones(1, 1)).item())'
    )
    assert run_without(['mmengine'], code).stdout.strip() == '1.0'


@pytest.mark.parametrize('name', INPUT_KINDS)
def test_every_kind_of_input_reads_it(name: str) -> None:
    kind = input_kind(name)
    tree = kind.parse(f't * {kind.names[0]}')
    assert SearchedLoss(tree, name).reads_elapsed and not SearchedLoss(kind.names[0], name).reads_elapsed
    assert 'training' in kind.meanings_in(tree)['t'] and 't' not in kind.meanings_in(parse('p'))
    with pytest.raises(ExpressionError, match='write t'):
        kind.parse('T * 2')


def test_powers_of_the_share_are_0_at_0() -> None:
    pred, target = torch.zeros(1, 1), torch.ones(1, 1)
    loss = SearchedLoss('t ** 1.5 * abs(p - y)', 'delta')
    for share in SHARES:
        with training_at(share):
            assert loss(pred, target).item() == pytest.approx(share**1.5, abs=1e-6)


@pytest.mark.parametrize('operator', ['mean_nhw', 'mean_c', 'maxpool', 'minpool'])
def test_algebra_knows_that_it_is_the_same_everywhere(operator: str) -> None:
    assert simplify(parse(f'{operator}(1 - t)')) == simplify(parse('1 - t'))
    assert simplify(parse(f'{operator}(t * p)')) != simplify(parse('t * p'))
    assert str(canonical(parse(f'p * y + {operator}(t)'), {'p'})) == 'p * y'


@pytest.mark.parametrize('name', INPUT_KINDS)
def test_forms_with_it_have_the_same_gradient(name: str) -> None:
    rng, kind, compared = random.Random(3), input_kind(name), 0
    while compared < 15:
        tree = random_tree(rng, (*kind.names, 't'), depth=3)
        form = canonical(tree, kind.from_prediction) if reads_elapsed(tree) else None
        if form and form != tree:
            assert same_gradient(tree, form, kind), (tree, form)
            compared += 1


def test_shorter_forms_are_tried_at_several_shares() -> None:
    kind = input_kind('delta')
    assert not same_gradient(parse('abs(p - y)'), parse('abs(p - y) * (t + 1) / 2'), kind)  # the same at the end
    assert str(shorter_form(parse('t + abs(p + -y) * 1'), kind).tree) == 'abs(p - y)'


def test_its_name_is_taken() -> None:
    with pytest.raises(SetupError, match='must be a word that means nothing else'):
        register_primitive(Primitive('t', 1, torch.tanh, r't\left({0}\right)'))
    assert isinstance(SearchedLoss('t', 'delta').graph.tree, Tree)
