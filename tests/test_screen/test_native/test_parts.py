"""Parts of a sample: small, and like the whole."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.screen import RejectionTest, Sample
from mmautoloss.screen.native.part import scattered_part, tiled_part
from mmautoloss.screen.native.sample_arrays import SampleArrays, divisor_of
from tests.test_screen.test_native.conftest import CALLS, make_calls

PARTS = {'scattered': scattered_part, 'tiled': tiled_part}


@pytest.mark.parametrize('make', list(PARTS))
@pytest.mark.parametrize('calls', CALLS)
def test_a_part_is_a_call_of_the_same_kind(calls: str, make: str) -> None:
    probe = make_calls(calls, side=24)
    sample = RejectionTest().sample(probe)
    part = PARTS[make](sample, probe.kind, sample.pred.numel() // 4)
    assert 0 < part.pred.numel() < sample.pred.numel()
    field = SampleArrays(probe.kind, part, divisor_of(sample, probe.kind))
    assert field.size > 0
    assert 0 <= probe.score(part.pred, part) <= 1
    assert torch.isin(part.pred.unique(), sample.pred.unique()).all()


@pytest.mark.parametrize('calls', CALLS)
def test_nothing_is_smaller_than_the_whole(calls: str) -> None:
    probe = make_calls(calls)
    sample = RejectionTest().sample(probe)
    part = scattered_part(sample, probe.kind, 10 * sample.pred.numel())
    assert part.pred.shape == sample.pred.shape and torch.equal(part.target, sample.target)


def test_each_class_keeps_its_share() -> None:
    probe = make_calls('softmax')
    label = torch.tensor([0] * 800 + [1] * 150 + [2] * 50)[torch.randperm(1000)]
    sample = Sample(torch.randn(1000, 4), label, None, None)
    part = scattered_part(sample, probe.kind, 400)
    assert torch.bincount(part.target).tolist() == [80, 15, 5]


def test_tiles_keep_their_neighbours_and_their_weights() -> None:
    probe = make_calls('heatmap')
    maps = torch.arange(2 * 3 * 16 * 16.0).view(2, 3, 16, 16)
    weight = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    part = tiled_part(Sample(maps, maps, weight, None), probe.kind, 4 * 3 * 64)
    assert part.pred.shape == (4, 3, 8, 8) and part.weight.shape == (4, 3)
    for tile, row in zip(part.pred, part.weight, strict=True):
        image = int(tile[0, 0, 0] >= 3 * 256)
        assert torch.equal(row, weight[image])
        assert (tile[:, :, 1:] - tile[:, :, :-1] == 1).all() and (tile[:, 1:] - tile[:, :-1] == 16).all()
