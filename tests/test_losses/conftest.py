"""Comparison of two losses, in value and in gradient with respect to the raw prediction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mmautoloss.losses import SearchedLoss, known_loss
from mmautoloss.losses.fused import blocks as blocks_module
from mmautoloss.losses.fused import compiler


def value_and_gradient(loss: nn.Module, pred: Tensor, *args: Any, **kwargs: Any) -> tuple:
    """Value, one a row where there are several, and gradient of its weighted sum."""
    pred = pred.detach().clone().requires_grad_()
    value = loss(pred, *args, **kwargs)
    if value.dim() == 2:  # hand-made losses of elements: a graph sums over the channels
        value = value.sum(dim=1)
    # different weights, so that no two rows could be exchanged unseen
    scale = torch.linspace(1, 2, value.numel(), dtype=value.dtype) if value.dim() else 1
    (gradient,) = torch.autograd.grad((value * scale).sum(), pred)
    return value.detach(), gradient


@pytest.fixture(autouse=True)
def seed() -> None:
    """Makes every test draw the same numbers, alone or among others."""
    torch.manual_seed(0)


@pytest.fixture(params=['tiny', 'at once', 'blocks'])
def cut(request, monkeypatch) -> str:
    """Each way in which a call is cut: left to autograd where it is tiny, at once, or in blocks of a line or two."""
    if request.param != 'tiny':
        monkeypatch.setattr(blocks_module, 'TINY', 0)
    if request.param == 'blocks':  # on threads
        monkeypatch.setattr(blocks_module, 'SMALL', 1)
        monkeypatch.setattr(blocks_module, 'ELEMENTS', {'cpu': 25})
    return request.param


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compiled code with the graphs and guards that it has, which torch runs as they are, without its C++ compiler."""
    compiled = torch.compile

    def trace(function: Callable[..., Any], dynamic: bool, options: dict[str, Any]) -> Callable[..., Any]:
        kept = {key: value for key, value in options.items() if key == 'guard_filter_fn'}
        return compiled(function, dynamic=dynamic, backend='aot_eager', options=kept)

    monkeypatch.setattr(torch, 'compile', trace)
    monkeypatch.setattr(compiler, '_failed', set())
    compiler._code_for.cache_clear()
    yield
    compiler._code_for.cache_clear()


@pytest.fixture(scope='session')
def assert_same() -> Callable[..., None]:
    """Asserts that two losses agree on one call."""

    def check(
        ours: nn.Module,
        theirs: nn.Module,
        pred: Tensor,
        *args: Any,
        tol: float,
        case: str = '',
        **kwargs: Any,
    ) -> None:
        found = value_and_gradient(ours, pred, *args, **kwargs)
        wanted = value_and_gradient(theirs, pred, *args, **kwargs)
        for name, one, other in zip(('value', 'gradient'), found, wanted, strict=True):
            assert other.isfinite().all(), f'{case}: {name} of the reference'
            assert torch.allclose(one.double(), other.double().expand_as(one), rtol=tol, atol=tol), (
                f'{case}: {name} {one} is not {other}'
            )

    return check


@pytest.fixture(scope='session')
def zoo_loss() -> Callable[..., SearchedLoss]:
    """Builds a known loss for a kind of input."""

    def build(name: str, inputs: str, **kwargs: Any) -> SearchedLoss:
        return SearchedLoss(known_loss(name, inputs), inputs=inputs, **kwargs)

    return build
