"""Expressions as NumPy code."""

from __future__ import annotations

from mmautoloss.expr.forms.style import Style

NUMPY = Style.of(
    'numpy',
    imports='import numpy as np',
    spread='np.full({like}.shape, {value})',
    elapsed='np.full({like}.shape, float(t))',
    number='np.float64({float})',
    number_in_call='{float}',
)
"""For float arrays (N, C, H, W); equal to the graph in float64, up to rounding."""
