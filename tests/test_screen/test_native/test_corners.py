"""Boxes that share corners, sides or nothing: the compiled gradient is that of autograd."""

from __future__ import annotations

import itertools

import pytest
import torch

from mmautoloss.expr import parse
from mmautoloss.losses import SearchedLoss
from mmautoloss.screen import Sample
from mmautoloss.screen.native.layout import flat
from mmautoloss.screen.native.lowering import lower
from mmautoloss.screen.native.sample_arrays import SampleArrays


@pytest.mark.parametrize('text', ['1 - i / u', '1 - i / u + (e - u) / e', 'i * e', 'u + e ** 2', 'i', 'e'])
def test_gradients_where_corners_are_one(text: str) -> None:
    """Every order of the corners of two boxes, shared ones among them."""
    sides = [(low, high) for low, high in itertools.product((0.0, 1.0, 2.0, 3.0, 4.0), repeat=2)]
    pred = torch.tensor([[x1, y1, x2, y2] for (x1, x2), (y1, y2) in itertools.product(sides, repeat=2)])
    target = torch.tensor([[1.0, 1.0, 3.0, 3.0]]).expand_as(pred)
    loss = SearchedLoss(text, 'area')
    field = SampleArrays(loss.kind, Sample(pred, target, None, None), 1.0)
    field.load(lower(parse(text, inputs='iue'), loss.kind))
    pred.requires_grad_()
    (wanted,) = torch.autograd.grad(loss(pred, target, avg_factor=1), pred)
    torch.testing.assert_close(
        torch.from_numpy(field.gradient().copy()), torch.from_numpy(flat(wanted)), rtol=1e-5, atol=1e-5
    )
