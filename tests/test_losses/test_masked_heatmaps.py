"""A mask of pixels as the fourth argument, as DEKR and associative embedding pass it."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss


@pytest.mark.parametrize('weights', ['none', 'keypoints', 'pixels'])
def test_what_is_masked_out_does_not_count(weights: str) -> None:
    torch.manual_seed(0)
    pred, target = torch.randn(2, 3, 6, 5, requires_grad=True), torch.rand(2, 3, 6, 5)
    weight = {'none': None, 'keypoints': torch.rand(2, 3), 'pixels': torch.rand(2, 3, 6, 5)}[weights]
    mask = (torch.rand(2, 1, 6, 5) > 0.3).float()
    found = SearchedLoss('(p - y) ** 2', 'heatmap')(pred, target, weight, mask)
    wide = torch.ones(2, 3, 1, 1) if weight is None else weight.view(*weight.shape, *(1,) * (4 - weight.dim()))
    wanted = ((pred - target) ** 2 * wide * mask).mean() * 3  # mmpose takes the mean over channels, too
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(*(torch.autograd.grad(value, pred)[0] for value in (found, wanted)))


def test_a_mask_counts_also_where_weights_do_not() -> None:
    pred, target, mask = torch.randn(2, 3, 6, 5), torch.rand(2, 3, 6, 5), (torch.rand(2, 1, 6, 5) > 0.3).float()
    loss = SearchedLoss('(p - y) ** 2', 'heatmap', use_target_weight=False)
    torch.testing.assert_close(loss(pred, target, torch.rand(2, 3), mask), loss(pred, target, None, mask))
    assert loss(pred, target, torch.rand(2, 3), mask) < loss(pred, target)


def test_other_kinds_take_no_mask() -> None:
    with pytest.raises(SetupError, match='take no mask of pixels'):
        SearchedLoss('abs(p - y)', 'delta')(torch.zeros(2, 2), torch.zeros(2, 2), None, torch.ones(2, 1, 3, 3))
