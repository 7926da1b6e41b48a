"""Targets of the prediction's shape, of which single elements are ignored: as in the libraries."""

from __future__ import annotations

import pytest
import torch
from mmdet.models.losses import CrossEntropyLoss as OfMMDetection
from mmseg.models.losses import CrossEntropyLoss as OfMMSegmentation
from torch import Tensor

from mmautoloss.losses import SearchedLoss, known_loss

BCE = known_loss('bce', 'sigmoid')


def targets(*shape: int) -> Tensor:
    """Of 0 and 1, a third of them without a label, and one row or image without any."""
    found = torch.rand(shape).round()
    drawn = torch.rand(shape)
    found[drawn < 0.2], found[drawn > 0.9], found[1] = -1, 255, 255
    return found


def both(loss, pred: Tensor, *call: Tensor, **settings: object) -> tuple[Tensor, Tensor]:
    value = loss(pred, *call, **settings)
    return value, torch.autograd.grad(value.sum(), pred)[0]


@pytest.mark.parametrize('reduction', ['mean', 'none'])
@pytest.mark.parametrize('weighted', [False, True])
def test_rows(weighted, reduction):
    pred, target = torch.randn(20, 3, requires_grad=True), targets(20, 3)
    weight = torch.rand(20, 3) if weighted else None
    settings = {'avg_factor': 7.0} if reduction == 'mean' else {'reduction_override': reduction}
    found = both(SearchedLoss(BCE, 'sigmoid', ignore_index=255), pred, target, weight, **settings)
    wanted = both(OfMMDetection(use_sigmoid=True, ignore_index=255), pred, target, weight, **settings)
    torch.testing.assert_close(found, wanted)


def test_maps():
    pred, target = torch.randn(2, 3, 5, 4, requires_grad=True), targets(2, 3, 5, 4)
    found = both(SearchedLoss(BCE, 'sigmoid'), pred, target, avg_factor=7.0, ignore_index=255)
    wanted = both(OfMMSegmentation(use_sigmoid=True), pred, target, avg_factor=7.0, ignore_index=255)
    torch.testing.assert_close(found, wanted)


def test_a_mean_is_over_what_is_left():
    pred, target = torch.zeros(1, 2, 1, 2), torch.tensor([[[[1.0, 255.0]], [[1.0, 0.0]]]])
    loss = SearchedLoss('mean_nhw(y)', 'sigmoid', ignore_index=255, reduction='none')
    assert loss(pred, target).tolist() == [[[[1.0, 0.0]], [[0.5, 0.5]]]]
    pred, target = torch.zeros(2, 2), torch.tensor([[1.0, 1.0], [255.0, 0.0]])  # of rows as well
    assert loss(pred, target).tolist() == [[1.0, 0.5], [0.0, 0.5]]


@pytest.mark.parametrize('inputs', ['delta', 'sigmoid'])
@pytest.mark.parametrize('text', ['exp(y) * p', 'mean_c(p * y)', 'mean_nhw(p) * (p - y) ** 2', 'maxpool(p) - y'])
def test_elements_of_rows_that_have_no_weight_change_nothing(text, inputs):
    """Not even by NaN; and a mean is over what has a weight."""
    pred, target, weight = torch.randn(300, 3).double(), torch.rand(300, 3).double(), torch.rand(300, 3).double()
    weight[torch.rand(300, 3) < 0.4] = 0
    bad, strange = (torch.where(weight == 0, other, x) for x, other in ((pred, torch.nan), (target, 1e30)))
    loss = SearchedLoss(text, inputs)
    found = both(loss, bad.requires_grad_(), strange, weight)
    torch.testing.assert_close(found, both(loss, pred.requires_grad_(), target, weight))
    assert not found[1][weight == 0].any()


def test_a_mean_over_channels_is_over_those_that_have_a_weight():
    loss = SearchedLoss('mean_c(y)', 'delta', reduction='none')
    found = loss(torch.zeros(2, 3), torch.tensor([[1.0, 3.0, 8.0], [2.0, 4.0, 6.0]]), torch.tensor([[1.0, 1, 0]] * 2))
    assert found.tolist() == [[2.0, 2.0, 0.0], [3.0, 3.0, 0.0]]


@pytest.mark.parametrize('reduction', ['mean', 'none'])
def test_elements_of_rows_that_are_ignored_leak_no_nan(reduction):
    pred, target = (
        torch.tensor([[0.5, torch.nan], [0.1, 0.2]], requires_grad=True),
        torch.tensor([[1.0, 255.0], [0, 1]]),
    )
    loss = SearchedLoss(f'{BCE} + mean_c(p)', 'sigmoid', ignore_index=255, reduction=reduction)
    value, gradient = both(loss, pred, target)
    assert value.isfinite().all() and gradient.isfinite().all() and gradient[0, 1] == 0


@pytest.mark.parametrize('text', ['p * mean_nhw(p)', 'p * mean_nhw(mean_c(p))', 'p * (mean_nhw(y) * mean_nhw(p))'])
def test_infinite_elements_that_are_ignored_leak_no_nan_into_means(text, cut):
    """A block may have a single row, in which there is nothing to sum."""
    pred, target = torch.randn(5, 2, dtype=torch.float64), torch.rand(5, 2, dtype=torch.float64)
    weight = torch.rand(5, 2, dtype=torch.float64)
    weight[3, 1] = 0
    spoilt = pred.clone()
    spoilt[3, 1] = torch.inf
    loss = SearchedLoss(text, 'delta')
    found, wanted = (both(loss, each.requires_grad_(), target, weight) for each in (spoilt, pred))
    torch.testing.assert_close(found, wanted)
