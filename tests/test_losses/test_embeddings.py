"""Losses of embeddings: distances to the farthest of the same and the nearest of another identity, and cosines of pairs."""

from __future__ import annotations

import random

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.branches.hand_made import objective_of
from mmautoloss.expr import mutate, parse, random_tree
from mmautoloss.losses import ZOO, SearchedLoss, input_kind, known_loss, plain_loss

TRIPLET = known_loss('triplet', 'triplet')
SOFT = known_loss('triplet_soft', 'triplet')


def batch(seed: int = 0, rows: int = 24, identities: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pred = torch.randn(rows, 5, generator=generator, dtype=torch.float64)
    return pred, torch.randint(identities, (rows,), generator=generator)


def by_loops(pred: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """``a`` and ``n``, pair by pair."""
    distance = [[(one - other).norm() for other in pred] for one in pred]
    rows = range(len(pred))
    same = [
        torch.stack([distance[i][k] for k in rows if k != i and target[i] == target[k]] or [pred.sum() * 0])
        for i in rows
    ]
    other = [torch.stack([distance[i][k] for k in rows if target[i] != target[k]]) for i in rows]
    return torch.stack([part.max() for part in same]), torch.stack([part.min() for part in other])


def with_gradient(value: Tensor, pred: Tensor) -> tuple[Tensor, Tensor]:
    return value.detach(), torch.autograd.grad(value, pred)[0]


def test_distances_are_those_of_all_pairs() -> None:
    for seed in range(20):
        pred, target = batch(seed, rows=9, identities=4)
        tensors = input_kind('triplet').tensors(pred, target)
        for found, wanted in zip(tensors.values(), by_loops(pred, target), strict=True):
            torch.testing.assert_close(found.flatten(), wanted, rtol=0, atol=1.1e-6)


@pytest.mark.parametrize('margin', [0.3, 2.0])
def test_formula_is_the_loss_of_mmdet(margin: float) -> None:
    losses = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
    hand_made = losses.TripletLoss(margin=margin, loss_weight=2.0)
    formula = SearchedLoss(TRIPLET.replace('0.3', str(margin)), 'triplet', loss_weight=2.0)
    for seed in range(20):
        pred, target = batch(seed)
        pred.requires_grad_()
        found, wanted = (with_gradient(loss(pred, target), pred) for loss in (formula, hand_made))
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('inputs', ['triplet', 'pairs'])
@pytest.mark.parametrize('compiled', [False, True], ids=['fused', 'compiled'])
def test_random_graphs_are_computed_as_defined(compiled: bool, inputs: str) -> None:
    """With weights, identities that do not count, and more numbers than fit into a block."""
    rng = random.Random(3)
    kind = input_kind(inputs)
    for seed in range(3 if compiled else 150):
        tree = random_tree(rng, kind.names, depth=rng.randint(1, 3))
        tree, _ = mutate(tree, rng, kind.names, max_nodes=30)
        if kind.from_prediction.isdisjoint(tree.nodes):
            continue
        pred, target = batch(seed)
        weight = torch.randint(3, (len(pred),), generator=torch.Generator().manual_seed(seed)).double()
        pred, target = pred.requires_grad_(), target - 1
        found = with_gradient(SearchedLoss(tree, inputs, compile=compiled)(pred, target, weight), pred)
        wanted = with_gradient(plain_loss(tree, inputs)(pred, target, weight), pred)
        torch.testing.assert_close(found, wanted, equal_nan=True)


def test_a_large_batch_is_not_divided() -> None:
    torch.manual_seed(0)
    pred, target = torch.randn(300, 600, requires_grad=True), torch.arange(300) // 4
    found = with_gradient(SearchedLoss(SOFT, 'triplet')(pred, target), pred)
    a, n = (input_kind('triplet').tensors(pred, target)[name] for name in 'an')
    wanted = with_gradient(torch.log(1 + torch.exp(a - n)).mean(), pred)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('name', ['triplet', 'contrastive', 'sup_con'])
def test_rows_that_do_not_count_are_no_partners(name: str) -> None:
    pred, target = batch()
    weight = torch.rand(len(pred)).round()
    weight[:4], target[4:7] = 1, -1
    kept = (weight != 0) & (target >= 0)
    poisoned = pred.masked_fill(~kept[:, None], torch.nan).requires_grad_()
    loss = SearchedLoss(ZOO[name].expression, ZOO[name].inputs[0])
    value, gradient = with_gradient(loss(poisoned, target, weight, avg_factor=3.0), poisoned)
    torch.testing.assert_close(value, loss(pred[kept], target[kept], avg_factor=3.0))
    assert gradient.isfinite().all() and not gradient[~kept].any() and gradient[kept].any()


@pytest.mark.parametrize('name', ['triplet', 'contrastive', 'sup_con'])
def test_a_number_that_is_not_finite_shows(name: str) -> None:
    pred, target = batch()
    pred[3, 2] = torch.nan
    assert SearchedLoss(ZOO[name].expression, ZOO[name].inputs[0])(pred, target).isnan()


def test_pairs_are_all_others_of_each_row() -> None:
    pred, target = batch(rows=7)
    p, y = input_kind('pairs').tensors(pred, target).values()
    for i in range(7):
        others = [k for k in range(7) if k != i]
        torch.testing.assert_close(p[i].flatten(), torch.cosine_similarity(pred[i][None], pred[others]))
        assert y[i].flatten().tolist() == (target[others] == target[i]).double().tolist()


def test_contrastive_is_the_cosine_embedding_loss_of_torch() -> None:
    pred, target = batch()
    pred.requires_grad_()
    i, k = (~torch.eye(len(pred), dtype=torch.bool)).nonzero().T
    signs = torch.where(target[i] == target[k], 1, -1)
    wanted = F.cosine_embedding_loss(pred[i], pred[k], signs, margin=0.5, reduction='sum') / len(pred)
    found = SearchedLoss(ZOO['contrastive'].expression, 'pairs')(pred, target)
    torch.testing.assert_close(with_gradient(found, pred), with_gradient(wanted, pred))


def test_sup_con_has_the_published_gradient() -> None:
    """Supervised contrastive loss, in its sum outside of the logarithm."""
    pred, target = batch()[0], torch.arange(24) // 3
    pred.requires_grad_()
    logits = (F.normalize(pred) @ F.normalize(pred).T / 0.1).masked_fill(torch.eye(24, dtype=torch.bool), -torch.inf)
    same = (target[:, None] == target) & ~torch.eye(24, dtype=torch.bool)
    wanted = -logits.log_softmax(dim=1)[same].view(24, 2).mean(dim=1).mean() * 23
    found = SearchedLoss(ZOO['sup_con'].expression, 'pairs')(pred, target)
    torch.testing.assert_close(torch.autograd.grad(found, pred)[0], torch.autograd.grad(wanted, pred)[0])


def test_a_single_row_is_no_pair() -> None:
    pred, target = batch(rows=1)
    assert SearchedLoss(ZOO['contrastive'].expression, 'pairs')(pred, target) == 0


def test_a_batch_of_one_identity_has_no_loss() -> None:
    pred, target = batch()
    pred.requires_grad_()
    for loss in (SearchedLoss(TRIPLET, 'triplet'), plain_loss(parse(TRIPLET), 'triplet')):
        value, gradient = with_gradient(loss(pred, torch.zeros_like(target)), pred)
        assert value == 0 and not gradient.any()
    assert SearchedLoss(TRIPLET, 'triplet', reduction='none')(pred, torch.zeros_like(target)).tolist() == [0] * len(
        pred
    )


def test_the_probe_of_the_hand_made_loss_may_hold_a_batch_of_one_identity() -> None:
    losses = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
    pred, target = batch()
    objective = objective_of(losses.TripletLoss(), torch.nn.Identity())
    assert objective(pred, torch.zeros_like(target)) == 0
    torch.testing.assert_close(objective(pred, target), losses.TripletLoss()(pred, target))


def test_equal_embeddings_have_a_gradient() -> None:
    """The derivative of a root at 0 would be infinite."""
    pred = torch.zeros(6, 3, requires_grad=True)
    value, gradient = with_gradient(SearchedLoss(TRIPLET, 'triplet')(pred, torch.arange(6) // 2), pred)
    assert value == pytest.approx(0.3) and gradient.isfinite().all()


def test_class_weights_are_factors_of_the_one_channel() -> None:
    pred, target = batch()
    once, twice = (SearchedLoss(SOFT, 'triplet', class_weight=weight)(pred, target) for weight in ([1.0], [2.0]))
    torch.testing.assert_close(2 * once, twice)
