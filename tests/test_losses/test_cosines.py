"""Losses of cosines: the margin losses of faces, as mmpretrain's head computes them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.branches import Branch, build_branches, check_branches, find_losses
from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss, known_loss


def cosines(rows: int = 40, classes: int = 7) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    pred = F.normalize(torch.randn(rows, 5, dtype=torch.float64)) @ F.normalize(torch.randn(classes, 5).double()).T
    return (0.8 * pred).requires_grad_(), torch.arange(rows) % classes


def gradient(value: Tensor, pred: Tensor) -> Tensor:
    return torch.autograd.grad(value, pred)[0]


MARGINS = {
    'normface': lambda c: c,
    'cosface': lambda c: c - 0.35,
    'arcface': lambda c: torch.cos(torch.acos(c) + 0.5),
}


@pytest.mark.parametrize('name', MARGINS)
def test_known_losses_are_those_of_the_papers(name: str) -> None:
    pred, target = cosines()
    y = F.one_hot(target, 7).double()
    wanted = F.cross_entropy(30 * (y * MARGINS[name](pred) + (1 - y) * pred), target)
    found = SearchedLoss(known_loss(name, 'cosine'), 'cosine')(pred, target)
    torch.testing.assert_close(found + torch.log(torch.tensor(7.0)), wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(gradient(found, pred), gradient(wanted, pred), rtol=1e-3, atol=1e-5)


def test_labels_may_be_shares() -> None:
    pred, target = cosines()
    loss = SearchedLoss(known_loss('cosface', 'cosine'), 'cosine')
    torch.testing.assert_close(loss(pred, F.one_hot(target, 7).double()), loss(pred, target))


def test_rows_without_label_or_weight_do_not_count() -> None:
    pred, target = cosines()
    kept = torch.arange(40) % 3 > 0
    poisoned = pred.detach().masked_fill(~kept[:, None], torch.nan).requires_grad_()
    loss = SearchedLoss(known_loss('arcface', 'cosine'), 'cosine')
    found = loss(poisoned, target, kept.double(), avg_factor=5.0)
    torch.testing.assert_close(found, loss(pred[kept], target[kept], avg_factor=5.0))
    assert gradient(found, poisoned).isfinite().all()
    found = loss(poisoned, target.masked_fill(~kept, 7), avg_factor=5.0)
    torch.testing.assert_close(found, loss(pred[kept], target[kept], avg_factor=5.0))


def classifier(**settings: object) -> torch.nn.Module:
    pre = pytest.importorskip('mmpretrain.models', exc_type=ImportError)
    head = {'type': 'ArcFaceClsHead', 'num_classes': 4, 'in_channels': 64, **settings}
    backbone = {'type': 'ResNet', 'depth': 18, 'base_channels': 8, 'stem_channels': 8}
    return pre.ImageClassifier(backbone=backbone, neck={'type': 'GlobalAveragePooling'}, head=head)


def test_a_margin_in_the_loss_is_one_in_the_head() -> None:
    """ArcFace of mmpretrain's head, and its formula in a head without scale and margin."""
    from mmpretrain.structures import DataSample

    hand_made = classifier(scale=30.0, margins=0.5).train()
    loss = {'type': 'mmautoloss.SearchedLoss', 'inputs': 'cosine', 'expression': known_loss('arcface', 'cosine')}
    model = classifier(scale=1.0, margins=0.0, loss=loss).train()
    model.load_state_dict(hand_made.state_dict())
    torch.manual_seed(0)
    images, labels = torch.randn(6, 3, 32, 32), [DataSample().set_gt_label(n % 4) for n in range(6)]
    values = [each.loss(images, labels)['loss'] for each in (hand_made, model)]
    torch.testing.assert_close(values[1] + torch.log(torch.tensor(4.0)), values[0], rtol=1e-4, atol=1e-4)
    gradients = [
        torch.autograd.grad(v, m.head.parameters())[0] for v, m in zip(values, (hand_made, model), strict=True)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)
    assert [(found.name, found.inputs) for found in find_losses(model)] == [('cls', 'cosine')]


def test_a_cross_entropy_of_cosines_may_be_searched_by_them() -> None:
    model = classifier(scale=1.0, margins=0.0)
    (branch,) = build_branches({'cls': {'path': 'head.loss_module', 'inputs': 'cosine'}}, lambda: model)
    assert branch.inputs == 'cosine'


REFUSED = {
    'a margin in the head': ({'scale': 1.0}, 'set scale=1.0 and margins=0.0'),
    'a scale in the head': ({'margins': 0.0}, 'set scale=1.0 and margins=0.0'),
    'no cosines': ({'type': 'LinearClsHead'}, 'its head passes no cosines; use ArcFaceClsHead'),
}


@pytest.mark.parametrize(('settings', 'message'), REFUSED.values(), ids=REFUSED)
def test_heads_that_pass_no_plain_cosines(settings: dict[str, object], message: str) -> None:
    model = classifier(**settings)
    with pytest.raises(SetupError, match=message):
        check_branches(model, (Branch('cls', 'head.loss_module', 'cosine'),))
    model.head.loss_module = SearchedLoss('-y * c', 'cosine')
    assert message in find_losses(model)[0].reason
