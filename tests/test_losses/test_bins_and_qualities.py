"""Losses over bins and of scores with a quality: axes, halves, weights that do not count, targets that do not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss

KL = 'y * (log(y) - log(p))'
BCE = '-(y * log(p) + (1 - y) * log(1 - p))'
AXES = (torch.randn(2, 3, 8), torch.randn(2, 3, 6))
SHARES = tuple(torch.randn(axis.shape).softmax(dim=-1) for axis in AXES)


def test_axes_have_the_mean_over_bins_also_where_weights_do_not_count() -> None:
    loss = SearchedLoss(KL, 'bins', average='sum')
    ignorant = SearchedLoss(KL, 'bins', average='sum', use_target_weight=False)
    wanted = loss(AXES, SHARES)
    torch.testing.assert_close(loss(AXES, SHARES, torch.ones(2, 3)), wanted)
    torch.testing.assert_close(ignorant(AXES, SHARES, torch.rand(2, 3)), wanted)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_the_number_of_bins_is_not_rounded(dtype: torch.dtype) -> None:
    pred, target = torch.zeros(2, 3, 383), torch.full((2, 3, 383), 1 / 383)
    loss = SearchedLoss('-y * log(p)', 'bins', average='sum')
    torch.testing.assert_close(loss([pred.to(dtype)], [target]), loss([pred], [target]), rtol=1e-6, atol=0)


def test_positive_weights_of_qualities_are_those_of_their_labels() -> None:
    pred, labels, quality = torch.randn(5, 3), torch.tensor([0, 1, 3, 2, 3]), torch.rand(5)
    factors = torch.tensor([0.5, 2.0, 3.0])
    y = torch.nn.functional.one_hot(labels, 4)[:, :3].float()
    found = SearchedLoss(BCE, 'quality', pos_weight=factors.tolist())(pred, (labels, quality))
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(pred, y, pos_weight=factors, reduction='sum') / 5
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize('shape', [(4, 3, 2), (2, 3, 5, 6)])
def test_values_one_by_one_have_the_shape_of_the_prediction(shape: tuple[int, ...]) -> None:
    pred, target = torch.randn(shape), torch.randn(shape)
    loss = SearchedLoss('abs(p - y)', 'delta', reduction='none')
    torch.testing.assert_close(loss(pred, target), (pred - target).abs())


MISFITS: dict[str, tuple[str, Any, Any, str]] = {
    'an axis without target': ('bins', AXES, SHARES[:1], 'targets for each of 2 axes, but got 1'),
    'one target of all axes': ('bins', AXES, SHARES[0], 'targets for each of 2 axes, but got one tensor'),
    'three targets': ('quality', torch.zeros(2, 3), (torch.zeros(2),) * 3, 'a pair of labels and qualities'),
}


@pytest.mark.parametrize(('inputs', 'pred', 'target', 'message'), MISFITS.values(), ids=MISFITS)
def test_targets_that_do_not_fit(inputs: str, pred: Any, target: Any, message: str) -> None:
    with pytest.raises(SetupError, match=f'Inputs "{inputs}" need {message}'):
        SearchedLoss('p * y', inputs)(pred, target)
