"""Factors of keypoints and of the parts of a motion."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss

WRONG = {
    'another kind': ('delta', {'keypoint_weight': [1.0]}, 'keypoint_weight needs inputs="bins" or inputs="keypoint"'),
    'a norm of another kind': ('softmax', {'norm_target_weight': True}, 'norm_target_weight needs inputs="bins"'),
    'parts of another kind': ('delta', {'motion_weight': [1, 1]}, 'motion_weight needs inputs="motion"'),
    'a negative number': ('keypoint', {'keypoint_weight': [-1.0]}, 'must be finite and not negative'),
    'a number for a list': ('bins', {'keypoint_weight': 3.0}, 'keypoint_weight must be a list of factors'),
    'one part': ('motion', {'motion_weight': [1.0]}, 'must be two factors'),
}


@pytest.mark.parametrize(('inputs', 'settings', 'message'), WRONG.values(), ids=WRONG)
def test_settings_without_a_meaning(inputs: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SetupError, match=message):
        SearchedLoss('p * y', inputs, **settings)


def test_another_number_of_keypoints() -> None:
    loss = SearchedLoss('abs(p - y)', 'keypoint', keypoint_weight=[1.0, 2.0])
    with pytest.raises(SetupError, match=r'one factor for each of K keypoints, but got \(2, 3, 2\)'):
        loss(torch.zeros(2, 3, 2), torch.ones(2, 3, 2))


def test_persons_without_a_visible_keypoint_do_not_count() -> None:
    loss = SearchedLoss('abs(p - y)', 'keypoint', norm_target_weight=True)
    weight = torch.tensor([[0.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    # of six keypoints one has the weight of its person, 3, and two coordinates
    assert loss(torch.zeros(2, 3, 2), torch.ones(2, 3, 2), weight).item() == pytest.approx(3 * 2 / 6)


def test_a_motion_of_one_frame_has_no_changes() -> None:
    loss = SearchedLoss('abs(p - y)', 'motion', motion_weight=[0.0, 5.0])
    pred, target = torch.randn(2, 1, 3, 2), torch.randn(2, 1, 3, 2)
    wanted = (pred - target).abs().sum(dim=-1).mean()
    torch.testing.assert_close(loss(pred, target), wanted)


def test_the_scale_of_a_motion_does_not_count_in_its_second_part() -> None:
    only_scaled = SearchedLoss('(p - y) ** 2', 'motion', motion_weight=[1.0, 0.0])
    plain = SearchedLoss('(p - y) ** 2', 'motion', motion_weight=[0.0, 0.0])
    pred, target = torch.randn(2, 4, 3, 2), torch.randn(2, 4, 3, 2)
    first, second = ((only_scaled(s * pred, target) - plain(s * pred, target)) for s in (1.0, 7.0))
    torch.testing.assert_close(first, second)
