"""Losses against wrong labels, and their kin, equal their definitions in value and gradient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmautoloss.losses import SearchedLoss, known_loss

Rows = Callable[[Tensor, Tensor], Tensor]
"""A loss of each row, from probabilities (M, C) and labels (M,)."""
CLASSES = 7


def of_label(p: Tensor, label: Tensor) -> Tensor:
    return p.gather(1, label[:, None])[:, 0]


def one_hot(label: Tensor) -> Tensor:
    return F.one_hot(label, CLASSES).double()


def sce(p: Tensor, label: Tensor) -> Tensor:
    """Equation 7: alpha times the cross-entropy, plus beta times that with both exchanged, where log(0) is A = -4."""
    log_y = torch.where(one_hot(label) == 1, 0.0, -4.0)
    return 0.1 * -of_label(p, label).log() + 1.0 * -(p * log_y).sum(dim=1)


def smoothed(p: Tensor, label: Tensor) -> Tensor:
    return F.cross_entropy(p.log(), label, reduction='none', label_smoothing=0.1)


DEFINITIONS: dict[str, Rows] = {
    'mae': lambda p, label: (p - one_hot(label)).abs().sum(dim=1),
    'gce': lambda p, label: (1 - of_label(p, label) ** 0.7) / 0.7,
    'sce': sce,
    'taylor_ce': lambda p, label: sum((1 - of_label(p, label)) ** i / i for i in range(1, 5)),
    'poly1': lambda p, label: -of_label(p, label).log() + 1.0 * (1 - of_label(p, label)),
    'label_smoothing': smoothed,
}


@pytest.mark.parametrize('name', DEFINITIONS)
def test_value_and_gradient_are_those_of_the_definition(name: str) -> None:
    generator = torch.Generator().manual_seed(2)
    pred = 3 * torch.randn(50, CLASSES, generator=generator, dtype=torch.float64)
    label = torch.randint(CLASSES, (50,), generator=generator)
    ours, theirs = (pred.clone().requires_grad_() for _ in range(2))
    value = SearchedLoss(known_loss(name, 'softmax'))(ours, label)
    wanted = DEFINITIONS[name](theirs.softmax(dim=1), label).mean()
    torch.testing.assert_close(value, wanted, rtol=1e-9, atol=1e-12)
    gradients = [torch.autograd.grad(loss, raw)[0] for loss, raw in ((value, ours), (wanted, theirs))]
    torch.testing.assert_close(*gradients, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize('name', DEFINITIONS)
def test_finite_where_a_label_seems_impossible(name: str) -> None:
    pred = torch.tensor([[200.0, 0.0, -200.0]]).requires_grad_()
    value = SearchedLoss(known_loss(name, 'softmax'))(pred, torch.tensor([2]))
    (gradient,) = torch.autograd.grad(value, pred)
    assert value.isfinite() and gradient.isfinite().all()


def test_gce_lies_between_mae_and_cross_entropy() -> None:
    """With q = 1 it is half the absolute error, with q towards 0 the cross-entropy (Zhang and Sabuncu, section 3.2)."""
    pred, label = torch.randn(20, CLASSES, dtype=torch.float64), torch.arange(20) % CLASSES
    gce = known_loss('gce', 'softmax')

    def value(expression: str) -> float:
        return float(SearchedLoss(expression)(pred, label))

    assert value(gce.replace('0.7', '1.0')) == pytest.approx(value(known_loss('mae', 'softmax')) / 2)
    assert value(gce.replace('0.7', '1e-6')) == pytest.approx(value(known_loss('ce', 'softmax')), rel=1e-4)
