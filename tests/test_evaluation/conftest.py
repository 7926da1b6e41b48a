"""Label maps to score."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

MakeMaps = Callable[..., tuple[Tensor, Tensor]]


@pytest.fixture
def make_maps() -> MakeMaps:
    """Makes (pred, target): blobs of random classes, some pixels wrong, some ignored."""

    def make(seed: int, classes: int = 4, shape: tuple[int, int, int] = (2, 7, 9), ignored: float = 0.1):
        generator = torch.Generator().manual_seed(seed)
        count, height, width = shape

        def random_labels() -> Tensor:
            return torch.randint(classes, shape, generator=generator)

        def chosen(share: float) -> Tensor:
            return torch.rand(shape, generator=generator) < share

        coarse = torch.randint(classes, (count, (height + 2) // 3, (width + 2) // 3), generator=generator)
        blobs = coarse.repeat_interleave(3, 1).repeat_interleave(3, 2)[:, :height, :width]
        pred = torch.where(chosen(0.2), random_labels(), blobs)
        target = torch.where(chosen(0.1), random_labels(), blobs.roll(seed % 3, dims=2))
        return pred, torch.where(chosen(ignored), 255, target)

    return make
