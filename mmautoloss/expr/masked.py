"""Masked versions of the operators that are not elementwise: means and pools over the valid elements only.

If all elements are valid, the values are those of the published operators.

Example:
    >>> import torch
    >>> x = torch.tensor([1.0, 3.0, 8.0]).view(1, 1, 1, 3)
    >>> MASKED['mean_nhw'](x, x < 5).flatten().tolist()
    [2.0, 2.0, 2.0]
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from mmautoloss.expr.operators import OPERATORS

MASKED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    name: operator.masked for name, operator in OPERATORS.items() if operator.masked
}
"""Functions ``(x, valid)`` by the name of the operator; ``valid`` is bool, broadcastable to x (N, C, H, W).

Their values at invalid elements have no meaning; ``Program`` replaces them by 0.
"""
