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


@pytest.mark.parametrize('shape', [(4, 2), (2, 3, 4, 4)])
def test_weights_that_are_all_one_are_given_where_a_loss_insists_on_them(shape: tuple[int, ...]) -> None:
    losses = pytest.importorskip('mmpose.models.losses', exc_type=ImportError)
    pred, target = torch.rand(shape), torch.rand(shape)
    loss = losses.AdaptiveWingLoss(use_target_weight=True) if len(shape) == 4 else losses.SmoothL1Loss(True)
    weight = torch.ones(shape[:2])
    torch.testing.assert_close(objective_of(loss, nn.Module())(pred, target), loss(pred, target, weight))
