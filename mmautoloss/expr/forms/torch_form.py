"""Expressions as differentiable PyTorch code, with the operators of ``expr.program``."""

from __future__ import annotations

from typing import Any

from mmautoloss.expr.forms.style import Style
from mmautoloss.expr.operators import LOOKING_AROUND
from mmautoloss.expr.tree import Tree

_SETTINGS: dict[str, Any] = {
    'imports': 'import torch',
    'spread': '{value}.expand_as({like})',
    'elapsed': 'torch.full_like({like}, t)',
    'number': '{like}.new_tensor({float})',
    'number_in_call': '{like}.new_tensor({float})',
    'divides': False,
}

TORCH = Style.of('torch', **_SETTINGS)
"""For tensors (N, C, H, W), float32 or float64."""

MASKED_TORCH = Style.of('masked_torch', **_SETTINGS)
"""The same for maps with a bool mask ``valid`` of the valid elements; None if all are valid.

Invalid elements are 0 in means and pools, so that their gradient, which may be 0 * Inf, enters no sum.
"""


def looks_around(tree: Tree) -> bool:
    """Whether the value at an element depends on other elements, so that the mask matters."""
    return not set(LOOKING_AROUND).isdisjoint(tree.nodes)
