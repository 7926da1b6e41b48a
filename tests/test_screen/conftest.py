"""Small probes with known answers."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.losses import SearchedLoss, input_kind, known_loss
from mmautoloss.screen import Probe, Sample

SCALING = {'means': torch.zeros(4), 'stds': torch.tensor([0.1, 0.1, 0.2, 0.2])}
HAND_MADE = {'softmax': 'ce', 'sigmoid': 'bce', 'delta': 'l1', 'area': 'giou'}


def make_sample(inputs: str, rows: int, generator: torch.Generator) -> Sample:
    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    weight = torch.ones(rows)
    if inputs == 'softmax':
        target = torch.randint(0, 4, (rows,), generator=generator)
        return Sample(normal(rows, 4) * 0.1, target, weight, float(rows))
    if inputs == 'sigmoid':  # label 3 is background
        target = torch.randint(0, 4, (rows,), generator=generator)
        return Sample(normal(rows, 3) * 0.1, target, weight, float(rows))
    if inputs == 'delta':
        return Sample(normal(rows, 4) * 0.1, normal(rows, 4), torch.ones(rows, 4), float(rows))
    corner = normal(rows, 2).abs() * 50
    target = torch.cat([corner, corner + 20 + 10 * normal(rows, 2).abs()], dim=1)
    return Sample(target + 5 * normal(rows, 4), target, weight, float(rows))


def make_probe(inputs: str, seed: int = 0, rows: int = 24, samples: int = 3) -> Probe:
    generator = torch.Generator().manual_seed(seed)
    return Probe(
        inputs,
        input_kind(inputs).metric,
        tuple(make_sample(inputs, rows, generator) for _ in range(samples)),
        SCALING if inputs == 'delta' else {},
    )


def hand_made(inputs: str) -> SearchedLoss:
    return SearchedLoss(known_loss(HAND_MADE[inputs], inputs), inputs=inputs)


@pytest.fixture(params=list(HAND_MADE))
def inputs(request: pytest.FixtureRequest) -> str:
    """Each kind of input."""
    return request.param
