"""Hand-made losses as functions of recorded calls."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmautoloss.branches.hand_made import objective_of
from mmautoloss.losses import SearchedLoss


def test_temperatures_of_a_searched_loss_act_once() -> None:
    loss = SearchedLoss('-y * log(p)', 'bins', average='sum', beta=10.0, label_beta=3.0)
    pred, target = torch.randn(4, 5), torch.randn(4, 5)
    objective = objective_of(loss, nn.Module())
    recorded = loss.temperatures.applied(pred, target, None)
    torch.testing.assert_close(objective(*recorded), loss(pred, target))
    assert loss.temperatures.beta == 10.0


def test_logits_of_probabilities_are_computed_once() -> None:
    loss = SearchedLoss('(p - y) ** 2', 'sigmoid', activated=True)
    logits, target = torch.randn(4, 5), torch.rand(4, 5)
    torch.testing.assert_close(loss(logits.sigmoid(), target), SearchedLoss('(p - y) ** 2', 'sigmoid')(logits, target))
    torch.testing.assert_close(objective_of(loss, nn.Module())(logits, target), loss(logits.sigmoid(), target))


def test_values_one_by_one_become_one() -> None:
    losses = pytest.importorskip('mmdet.models.losses', exc_type=ImportError)
    pred, target = torch.randn(6, 3), torch.randint(3, (6,))
    one = objective_of(losses.CrossEntropyLoss(reduction='none'), nn.Module())(pred, target)
    torch.testing.assert_close(one, losses.CrossEntropyLoss()(pred, target))


@pytest.mark.parametrize('shape', [(4, 2), (2, 3, 4, 4)])
def test_weights_that_are_all_one_are_given_where_a_loss_insists_on_them(shape: tuple[int, ...]) -> None:
    losses = pytest.importorskip('mmpose.models.losses', exc_type=ImportError)
    pred, target = torch.rand(shape), torch.rand(shape)
    loss = losses.AdaptiveWingLoss(use_target_weight=True) if len(shape) == 4 else losses.SmoothL1Loss(True)
    weight = torch.ones(shape[:2])
    torch.testing.assert_close(objective_of(loss, nn.Module())(pred, target), loss(pred, target, weight))
