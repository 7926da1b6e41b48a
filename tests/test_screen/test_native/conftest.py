"""Small probes of every kind of call, maps among them, with pixels and keypoints that do not count."""

from __future__ import annotations

import torch

from mmautoloss.losses import SearchedLoss, known_loss
from mmautoloss.screen import Probe, Sample
from tests.test_screen.conftest import HAND_MADE, make_probe

CALLS = ('softmax', 'sigmoid', 'delta', 'area', 'softmax maps', 'heatmap', 'mask', 'instance', 'peak')
KNOWN = {**HAND_MADE, 'softmax maps': 'ce', 'heatmap': 'mse', 'mask': 'bce', 'instance': 'bce', 'peak': 'peak_focal'}


def make_calls(calls: str, samples: int = 3, side: int = 12) -> Probe:
    """A probe of one kind of call."""
    generator = torch.Generator().manual_seed(3)
    if calls in HAND_MADE:
        return make_probe(calls, rows=24, samples=samples)
    draw, metric = {
        'softmax maps': (_label_maps, 'mIoU'),
        'heatmap': (_heat_maps, 'heatmap_recall'),
        'mask': (_masks, 'sigmoid_recall'),
        'quality': (_qualities, 'quality_closeness'),
        'bins': (_distributions, 'overlap'),
        'instance': (_instances, 'instance_recall'),
        'peak': (_peaks, 'peak_recall'),
    }[calls]
    return Probe(calls.split()[0], metric, tuple(draw(generator, side) for _ in range(samples)), {})


def loss_by_hand(calls: str) -> SearchedLoss:
    """The hand-made loss of a kind of call."""
    inputs = calls.split()[0]
    return SearchedLoss(known_loss(KNOWN[calls], inputs), inputs=inputs)


def _label_maps(generator: torch.Generator, side: int) -> Sample:
    label = torch.randint(-1, 6, (1, side, side - 2), generator=generator)  # -1 does not count
    return Sample(0.1 * torch.randn(1, 6, side, side - 2, generator=generator), label, None, None)


def _heat_maps(generator: torch.Generator, side: int) -> Sample:
    wanted = torch.rand(1, 4, side, side - 2, generator=generator)
    seen = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    return Sample(0.1 * torch.randn(1, 4, side, side - 2, generator=generator), wanted, seen, None)


def _masks(generator: torch.Generator, side: int) -> Sample:
    inside = (torch.rand(4, side, side, generator=generator) > 0.4).float()
    classes = torch.randint(0, 3, (4,), generator=generator)
    return Sample(0.1 * torch.randn(4, 3, side, side, generator=generator), inside, classes, 4.0)


def _instances(generator: torch.Generator, side: int) -> Sample:
    inside = (torch.rand(8, side * 5, generator=generator) > 0.6).float()
    return Sample(0.1 * torch.randn(8, side * 5, generator=generator), inside, torch.ones(8) / (side * 5), 8.0)


def _peaks(generator: torch.Generator, side: int) -> Sample:
    heat = torch.rand(1, 4, side, side - 2, generator=generator) * 0.9
    heat[torch.rand(heat.shape, generator=generator) < 0.05] = 1
    seen = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    return Sample(0.1 * torch.randn(1, 4, side, side - 2, generator=generator), heat, seen, 10.0)


def _qualities(generator: torch.Generator, side: int) -> Sample:
    label = torch.randint(0, 4, (side * 2,), generator=generator)  # label 3 is background
    target = torch.cat([torch.eye(4)[label][:, :3], torch.rand(len(label), 1, generator=generator)], dim=1)
    return Sample(0.1 * torch.randn(len(label), 3, generator=generator), target, torch.ones(len(label)), 1.0)


def _distributions(generator: torch.Generator, side: int) -> Sample:
    pred, wanted = torch.randn(2, side, 7, generator=generator)
    return Sample(0.1 * pred, wanted.softmax(dim=1), torch.ones(side), 1.0)
