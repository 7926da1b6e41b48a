"""Means over the positions of a channel or the channels of a position, of the valid elements.

``total``, ``count`` and ``share`` are all that a mean is made of, forwards and backwards. They leave 1 in the dimensions
over which a mean goes, so that fast code need not copy it to each element.
"""

from __future__ import annotations

from torch import Tensor, where

from mmautoloss.expr.operators.ranges import one, same
from mmautoloss.expr.operators.record import Operator, Primitive, Spelling, spelled

POSITIONS, CHANNELS = (0, 2, 3), (1,)
"""The dimensions over which the two means go."""


def total(x: Tensor, valid: Tensor | None, dims: tuple[int, ...]) -> Tensor:
    """The sum of what counts."""
    return (x if valid is None else where(valid, x, 0)).sum(dim=dims, keepdim=True)


def count(valid: Tensor, dims: tuple[int, ...]) -> Tensor:
    """How many elements count; 1 where none does."""
    return valid.sum(dim=dims, keepdim=True).clamp(min=1)


def share(gradient: Tensor, count: Tensor | int, valid: Tensor | None) -> Tensor:
    """The gradient of each element of which a mean is, from that of the mean; 0 for what does not count."""
    gradient = gradient / count
    return gradient if valid is None else where(valid, gradient, 0)


def _mean(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    return x.mean(dim=dims, keepdim=True).expand_as(x)


def _masked(x: Tensor, valid: Tensor, dims: tuple[int, ...]) -> Tensor:
    valid = valid.expand_as(x)
    return (total(x, valid, dims) / count(valid, dims)).expand_as(x)


MEAN_NHW = Operator(
    primitive=Primitive(
        'mean_nhw', 1, lambda x: _mean(x, POSITIONS), r'\operatorname{{mean}}_{{nhw}}\left({0}\right)'
    ),
    bounds=same,
    slopes=one,
    on_number=float,
    masked=lambda x, valid: _masked(x, valid, POSITIONS),
    odd=True,
    spellings=spelled(
        numpy=Spelling(
            'mean_nhw({0})',
            """\
def mean_nhw(x):
    \"\"\"The mean over all positions of a channel, copied to each of them.\"\"\"
    return np.broadcast_to(x.mean(axis=(0, 2, 3), keepdims=True), x.shape)
""",
        ),
        torch=Spelling(
            'mean_nhw({0})',
            """\
def mean_nhw(x):
    \"\"\"The mean over all positions of a channel, copied to each of them.\"\"\"
    return x.mean(dim=(0, 2, 3), keepdim=True).expand_as(x)
""",
        ),
        masked_torch=Spelling(
            'mean_nhw({0}, valid)',
            """\
def mean_nhw(x, valid=None, dim=(0, 2, 3)):
    \"\"\"The mean over the positions of a channel that count, copied to each of them.\"\"\"
    if valid is None:
        return x.mean(dim=dim, keepdim=True).expand_as(x)
    valid = valid.expand_as(x)
    count = valid.sum(dim=dim, keepdim=True).clamp(min=1)
    mean = torch.where(valid, x, 0).sum(dim=dim, keepdim=True) / count
    return torch.where(valid, mean, 0)
""",
        ),
        sympy='mean_nhw({0})',
    ),
)
MEAN_C = Operator(
    primitive=Primitive('mean_c', 1, lambda x: _mean(x, CHANNELS), r'\operatorname{{mean}}_{{c}}\left({0}\right)'),
    bounds=same,
    slopes=one,
    on_number=float,
    masked=lambda x, valid: _masked(x, valid, CHANNELS),
    odd=True,
    spellings=spelled(
        numpy=Spelling(
            'mean_c({0})',
            """\
def mean_c(x):
    \"\"\"The mean over the channels of a position, copied to each of them.\"\"\"
    return np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape)
""",
        ),
        torch=Spelling(
            'mean_c({0})',
            """\
def mean_c(x):
    \"\"\"The mean over the channels of a position, copied to each of them.\"\"\"
    return x.mean(dim=1, keepdim=True).expand_as(x)
""",
        ),
        masked_torch=Spelling(
            'mean_c({0}, valid)',
            """\
def mean_c(x, valid=None):
    \"\"\"The mean over the channels of a position that count, copied to each of them.\"\"\"
    return mean_nhw(x, valid, dim=1)
""",
            needs='mean_nhw',
        ),
        sympy='mean_c({0})',
    ),
)
