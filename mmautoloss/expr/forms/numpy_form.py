"""Expressions as NumPy code."""

from __future__ import annotations

from mmautoloss.expr.forms.style import Style

NUMPY = Style(
    calls={
        'abs': 'np.abs({0})',
        'exp': 'np.exp({0})',
        'tanh': 'np.tanh({0})',
        'sin': 'np.sin({0})',
        'atan': 'np.arctan({0})',
        'erf': 'erf({0})',
        'log': 'log({0})',
        'sqrt': 'sqrt({0})',
        'mean_nhw': 'mean_nhw({0})',
        'mean_c': 'mean_c({0})',
        'maxpool': 'maxpool({0})',
        'minpool': 'minpool({0})',
    },
    helpers={
        'erf': 'erf = np.vectorize(math.erf, otypes=[float])\n',
        'log': 'def log(x):\n    return np.sign(x) * np.log(np.abs(x) + EPS)\n',
        'sqrt': 'def sqrt(x):\n    return np.sign(x) * np.sqrt(np.abs(x) + EPS)\n',
        'mean_nhw': """\
def mean_nhw(x):
    \"\"\"The mean over all positions of a channel, copied to each of them.\"\"\"
    return np.broadcast_to(x.mean(axis=(0, 2, 3), keepdims=True), x.shape)
""",
        'mean_c': """\
def mean_c(x):
    \"\"\"The mean over the channels of a position, copied to each of them.\"\"\"
    return np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape)
""",
        'maxpool': """\
def maxpool(x):
    \"\"\"The largest value of the 3 x 3 window about each position.\"\"\"
    h, w = x.shape[2:]
    x = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    windows = [x[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)]
    return np.max(windows, axis=0)
""",
        'minpool': """\
def minpool(x):
    \"\"\"The smallest value of the 3 x 3 window about each position.\"\"\"
    return -maxpool(-x)
""",
    },
    needs={'minpool': 'maxpool'},
    imports={'erf': 'import math\n', '': 'import numpy as np'},
    spread='np.full({like}.shape, {value})',
    number='np.float64({float})',
    number_in_call='{float}',
)
"""Over float arrays (N, C, H, W); equal to the graph in float64, up to rounding."""
