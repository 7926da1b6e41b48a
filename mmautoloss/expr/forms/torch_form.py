"""Expressions as PyTorch code, differentiable: operator by operator what ``expr.program`` computes."""

from __future__ import annotations

from mmautoloss.expr.forms.style import Style
from mmautoloss.expr.tree import Tree

_AROUND = ('mean_nhw', 'mean_c', 'maxpool', 'minpool')
_ELEMENTWISE = {
    'abs': 'torch.abs({0})',
    'exp': 'torch.exp({0})',
    'tanh': 'torch.tanh({0})',
    'sin': 'torch.sin({0})',
    'atan': 'torch.atan({0})',
    'erf': 'torch.erf({0})',
    'log': 'log({0})',
    'sqrt': 'sqrt({0})',
}
_HELPERS = {
    'log': 'def log(x):\n    return torch.sign(x) * torch.log(torch.abs(x) + EPS)\n',
    'sqrt': 'def sqrt(x):\n    return torch.sign(x) * torch.sqrt(torch.abs(x) + EPS)\n',
}

TORCH = Style(
    calls=_ELEMENTWISE | {name: f'{name}({{0}})' for name in _AROUND},
    helpers=_HELPERS
    | {
        'mean_nhw': """\
def mean_nhw(x):
    \"\"\"The mean over all positions of a channel, copied to each of them.\"\"\"
    return x.mean(dim=(0, 2, 3), keepdim=True).expand_as(x)
""",
        'mean_c': """\
def mean_c(x):
    \"\"\"The mean over the channels of a position, copied to each of them.\"\"\"
    return x.mean(dim=1, keepdim=True).expand_as(x)
""",
        'maxpool': """\
def maxpool(x):
    \"\"\"The largest value of the 3 x 3 window about each position.\"\"\"
    return torch.max_pool2d(x, 3, stride=1, padding=1)
""",
        'minpool': """\
def minpool(x):
    \"\"\"The smallest value of the 3 x 3 window about each position.\"\"\"
    return -maxpool(-x)
""",
    },
    needs={'minpool': 'maxpool'},
    imports={'': 'import torch'},
    spread='{value}.expand_as({like})',
    number='{like}.new_tensor({float})',
    number_in_call='{like}.new_tensor({float})',
    divides=False,
)
"""Over tensors (N, C, H, W), float32 or float64."""

MASKED_TORCH = TORCH._replace(
    needs={'minpool': 'maxpool', 'mean_c': 'mean_nhw'},
    calls=_ELEMENTWISE | {name: f'{name}({{0}}, valid)' for name in _AROUND},
    helpers=_HELPERS
    | {
        'mean_nhw': """\
def mean_nhw(x, valid=None, dim=(0, 2, 3)):
    \"\"\"The mean over the positions of a channel that count, copied to each of them.\"\"\"
    if valid is None:
        return x.mean(dim=dim, keepdim=True).expand_as(x)
    valid = valid.expand_as(x)
    count = valid.sum(dim=dim, keepdim=True).clamp(min=1)
    mean = torch.where(valid, x, 0).sum(dim=dim, keepdim=True) / count
    return torch.where(valid, mean, 0)
""",
        'mean_c': """\
def mean_c(x, valid=None):
    \"\"\"The mean over the channels of a position that count, copied to each of them.\"\"\"
    return mean_nhw(x, valid, dim=1)
""",
        'maxpool': """\
def maxpool(x, valid=None):
    \"\"\"The largest value that counts of the 3 x 3 window about each position.\"\"\"
    counting = x if valid is None else torch.where(valid, x, -torch.inf)
    pooled = torch.max_pool2d(counting, 3, stride=1, padding=1)
    return pooled if valid is None else torch.where(valid, pooled, 0)
""",
        'minpool': """\
def minpool(x, valid=None):
    \"\"\"The smallest value that counts of the 3 x 3 window about each position.\"\"\"
    return -maxpool(-x, valid)
""",
    },
)
"""The same over maps in which some elements do not count: ``valid``, bool, says which do; None for all.

The others are 0 in means and pools, so that their gradient, which may be 0 * Inf, is in no sum.
"""


def looks_around(tree: Tree) -> bool:
    """Whether an element's value depends on other elements, so that it matters which of them count."""
    return not set(_AROUND).isdisjoint(tree.nodes)
