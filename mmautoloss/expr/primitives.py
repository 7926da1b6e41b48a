"""The primitive operators: the one table that says what a loss can be made of.

The operators and their protections are those of AutoLoss-Zero (Li et al., CVPR 2022, arXiv
2103.14026): every tensor has the shape (N, C, H, W), and ``EPS`` = 1e-12 guards ``inv``, ``log``
and ``sqrt``. ``exp`` and ``square`` are unprotected, as published: an overflow shows as Inf and
stops the candidate. The logarithm is odd, sign(x) * log(abs(x) + EPS), so log(0) is 0 with a slope
of 0; what is read in its place where x is a probability of logits, ``expr.logarithms`` says. A
search draws these 14; a few more, which losses of other publications need, are read and computed.
Users add their own by ``expr.register_primitive``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-12


class Primitive(NamedTuple):
    """An operator: its name in text, number of operands, function and LaTeX template.

    Attributes:
        name: Name in expressions; also the node in a tree.
        arity: Number of operands, 1 or 2.
        function: Maps ``arity`` tensors of one shape (N, C, H, W) to a tensor of that shape.
        latex: Template with ``{0}``, ``{1}`` for the operands.
    """

    name: str
    arity: int
    function: Callable[..., Tensor]
    latex: str


def _inv(x: Tensor) -> Tensor:
    return 1 / (x + EPS)


def _log(x: Tensor) -> Tensor:
    return torch.sign(x) * torch.log(torch.abs(x) + EPS)


def _sqrt(x: Tensor) -> Tensor:
    return torch.sign(x) * torch.sqrt(torch.abs(x) + EPS)


def _mean_nhw(x: Tensor) -> Tensor:
    return x.mean(dim=(0, 2, 3), keepdim=True).expand_as(x)


def _mean_c(x: Tensor) -> Tensor:
    return x.mean(dim=1, keepdim=True).expand_as(x)


def _max_pool(x: Tensor) -> Tensor:
    if x.shape[-2:] == (1, 1):  # a window over one cell is that cell
        return x
    return F.max_pool2d(x, kernel_size=3, stride=1, padding=1)


def _min_pool(x: Tensor) -> Tensor:
    return -_max_pool(-x)


_TABLE = (
    Primitive('add', 2, torch.add, '{0} + {1}'),
    Primitive('mul', 2, torch.mul, r'{0} \cdot {1}'),
    Primitive('neg', 1, torch.neg, '-{0}'),
    Primitive('abs', 1, torch.abs, r'\left|{0}\right|'),
    Primitive('inv', 1, _inv, r'\frac{{1}}{{{0}}}'),
    Primitive('log', 1, _log, r'\log\left({0}\right)'),
    Primitive('exp', 1, torch.exp, 'e^{{{0}}}'),
    Primitive('tanh', 1, torch.tanh, r'\tanh\left({0}\right)'),
    Primitive('square', 1, torch.square, '{0}^{{2}}'),
    Primitive('sqrt', 1, _sqrt, r'\sqrt{{{0}}}'),
    Primitive('mean_nhw', 1, _mean_nhw, r'\operatorname{{mean}}_{{nhw}}\left({0}\right)'),
    Primitive('mean_c', 1, _mean_c, r'\operatorname{{mean}}_{{c}}\left({0}\right)'),
    Primitive('maxpool', 1, _max_pool, r'\operatorname{{maxpool}}\left({0}\right)'),
    Primitive('minpool', 1, _min_pool, r'\operatorname{{minpool}}\left({0}\right)'),
)
_MORE = (
    Primitive('sin', 1, torch.sin, r'\sin\left({0}\right)'),
    Primitive('erf', 1, torch.erf, r'\operatorname{{erf}}\left({0}\right)'),
    Primitive('atan', 1, torch.atan, r'\arctan\left({0}\right)'),
)

PUBLISHED: tuple[str, ...] = tuple(primitive.name for primitive in _TABLE)
"""The 14 published operators, in the order of the paper."""

DRAWN: list[str] = list(PUBLISHED)
"""What random graphs and mutations bring in: the published operators, then those of users, sorted."""

PRIMITIVES: dict[str, Primitive] = {primitive.name: primitive for primitive in (*_TABLE, *_MORE)}
"""All operators that text may use, by name; first the published ones."""

ARITY: dict[str, int] = {name: primitive.arity for name, primitive in PRIMITIVES.items()}
"""Number of operands of each."""

ALIASES = {'max_pool': 'maxpool', 'min_pool': 'minpool', 'ln': 'log', 'arctan': 'atan'}
"""Other spellings that are read, never written."""
