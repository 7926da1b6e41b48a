"""Exponential, logarithm and hyperbolic tangent against the exact values."""

from __future__ import annotations

import numpy as np
import pytest

from mmautoloss.screen.native.arithmetic import exp32, log1p32, log32, tanh32
from mmautoloss.screen.native.compiler import compiled

FUNCTIONS = {'exp': exp32, 'log': log32, 'log1p': log1p32, 'tanh': tanh32}


def over(name: str, x: np.ndarray) -> np.ndarray:
    """A function over an array, in a compiled loop as the operators have it."""
    function = FUNCTIONS[name]

    @compiled
    def loop(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    out = np.empty_like(x)
    loop(x, out)
    return out


@pytest.mark.parametrize(
    ('name', 'low', 'high'),
    [
        *(('exp', -87.0, 88.7), ('exp', -1e-3, 1e-3)),
        *(('log', 1e-12, 10.0), ('log', 0.9, 1.1), ('log', 1e30, 3e38)),
        *(('log1p', -0.5, 1.0), ('log1p', -1e-3, 1e-3), ('log1p', -1e-12, 1e-12)),
        *(('tanh', -12.0, 12.0), ('tanh', -1e-4, 1e-4)),
    ],
)
def test_close_to_the_exact_value(name: str, low: float, high: float) -> None:
    x = np.linspace(low, high, 20_001).astype(np.float32)
    exact = getattr(np, name)(x.astype(np.float64))
    error = np.abs(over(name, x) - exact)
    assert np.all(error <= 4e-7 * np.maximum(np.abs(exact), 0.1 if name == 'log' else 0))


def test_values_beyond_the_range() -> None:
    x = np.array([np.inf, -np.inf, np.nan, 100.0, -100.0, 0.0], np.float32)
    exponential, hyperbolic = over('exp', x), over('tanh', x)
    assert exponential[0] == exponential[3] == np.inf and exponential[5] == 1
    assert 0 <= exponential[1] < 1e-37 and 0 <= exponential[4] < 1e-37
    assert np.isnan(exponential[2]) and np.isnan(hyperbolic[2])
    assert hyperbolic[[0, 1, 3, 4, 5]].tolist() == [1, -1, 1, -1, 0]
    logarithm = over('log', np.array([np.inf, np.nan, 1.0], np.float32))
    assert logarithm[0] == np.inf and np.isnan(logarithm[1]) and logarithm[2] == 0
