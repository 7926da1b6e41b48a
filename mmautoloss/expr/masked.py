"""The operators that look beyond a single element, over maps in which some elements do not count.

Means are those of the elements that count; in a pool an element that does not count never wins.
Where all count, the values are those of the published operators.

Example:
    >>> x = torch.tensor([1.0, 3.0, 8.0]).view(1, 1, 1, 3)
    >>> MASKED['mean_nhw'](x, x < 5).flatten().tolist()
    [2.0, 2.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from mmautoloss.expr.primitives import PRIMITIVES


def _mean(x: Tensor, valid: Tensor, dims: tuple[int, ...]) -> Tensor:
    valid = valid.expand_as(x)
    count = valid.sum(dim=dims, keepdim=True).clamp(min=1)
    return (torch.where(valid, x, 0).sum(dim=dims, keepdim=True) / count).expand_as(x)


def _mean_nhw(x: Tensor, valid: Tensor) -> Tensor:
    return _mean(x, valid, (0, 2, 3))


def _mean_c(x: Tensor, valid: Tensor) -> Tensor:
    return _mean(x, valid, (1,))


def _max_pool(x: Tensor, valid: Tensor) -> Tensor:
    return PRIMITIVES['maxpool'].function(torch.where(valid, x, -torch.inf))


def _min_pool(x: Tensor, valid: Tensor) -> Tensor:
    return -_max_pool(-x, valid)


MASKED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'mean_nhw': _mean_nhw,
    'mean_c': _mean_c,
    'maxpool': _max_pool,
    'minpool': _min_pool,
}
"""Functions ``(x, valid)`` by the name of the operator; ``valid`` is bool, broadcastable to x (N, C, H, W).

What they give for elements that do not count has no meaning: ``Program`` takes 0 there.
"""
