"""Expressions as PyTorch code, differentiable: operator by operator what ``expr.program`` computes."""

from __future__ import annotations

from typing import Any

from mmautoloss.expr.forms.style import Style
from mmautoloss.expr.operators import LOOKING_AROUND
from mmautoloss.expr.tree import Tree

_SETTINGS: dict[str, Any] = {
    'imports': 'import torch',
    'spread': '{value}.expand_as({like})',
    'number': '{like}.new_tensor({float})',
    'number_in_call': '{like}.new_tensor({float})',
    'divides': False,
}

TORCH = Style.of('torch', **_SETTINGS)
"""Over tensors (N, C, H, W), float32 or float64."""

MASKED_TORCH = Style.of('masked_torch', **_SETTINGS)
"""The same over maps in which some elements do not count: ``valid``, bool, says which do; None for all.

The others are 0 in means and pools, so that their gradient, which may be 0 * Inf, is in no sum.
"""


def looks_around(tree: Tree) -> bool:
    """Whether an element's value depends on other elements, so that it matters which of them count."""
    return not set(LOOKING_AROUND).isdisjoint(tree.nodes)
