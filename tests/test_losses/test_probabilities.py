"""Losses of heads that pass probabilities are those of their logits."""

from __future__ import annotations

import pytest
import torch

from mmautoloss.errors import SetupError
from mmautoloss.losses import INPUT_KINDS, SearchedLoss

TEXTS = {
    'sigmoid': '-(y * log(p) + (1 - y) * log(1 - p))',
    'quality': '(p - q) ** 2',
    'instance': '1 - 2 * mean_c(p * y) / (mean_c(p) + mean_c(y))',
    'bins': '-y * log(p)',
}


def value_and_gradient(loss: SearchedLoss, logits: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Of a network that ends with an activation where the loss expects one."""
    logits = logits.clone().requires_grad_()
    of_bins = loss.kind.name == 'bins'
    pred = (logits.softmax(1) if of_bins else logits.sigmoid()) if loss.activated else logits
    value = loss(pred, target, avg_factor=3.0)
    return value.detach(), torch.autograd.grad(value, logits)[0]


@pytest.mark.parametrize('inputs', TEXTS)
def test_value_and_gradient_are_those_of_the_logits(inputs: str) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(7, 5, generator=generator, dtype=torch.float64)
    target = torch.rand(7, 5, generator=generator, dtype=torch.float64)
    found, wanted = (
        value_and_gradient(SearchedLoss(TEXTS[inputs], inputs, activated=activated), logits, target)
        for activated in (True, False)
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_rounded_probabilities_are_finite() -> None:
    pred = torch.tensor([[0.0, 1.0, 0.5]], requires_grad=True)
    SearchedLoss(TEXTS['sigmoid'], 'sigmoid', activated=True)(pred, torch.tensor([[1.0, 0.0, 1.0]])).backward()
    assert pred.grad.isfinite().all() and pred.grad[0, 2] != 0


@pytest.mark.parametrize(
    'inputs', [name for name, kind in INPUT_KINDS.items() if kind.activation not in ('sigmoid', 'softmax')]
)
def test_values_without_probabilities_have_no_logits(inputs: str) -> None:
    with pytest.raises(SetupError, match='activated=True needs inputs with probabilities'):
        SearchedLoss(INPUT_KINDS[inputs].names[0], inputs, activated=True)
    with pytest.raises(SetupError, match='activated must be True or False'):
        SearchedLoss('p', 'sigmoid', activated='yes')
