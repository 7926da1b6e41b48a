"""The operators that expressions may use: those of this package (``expr.operators``), and those of users.

The operators and their protections are those of AutoLoss-Zero (Li et al., CVPR 2022, arXiv
2103.14026): every tensor has the shape (N, C, H, W), and ``EPS`` = 1e-12 guards ``inv``, ``log``
and ``sqrt``. ``exp`` and ``square`` are unprotected, as published: an overflow shows as Inf and
ends the training. The logarithm is odd, sign(x) * log(abs(x) + EPS), so log(0) is 0 with a slope
of 0; ``expr.logarithms`` replaces it where x is a probability computed from logits. A search draws
these 14; a few more operators, for losses of other publications, are only read and computed. Users
register their own by ``expr.register_primitive``.
"""

from __future__ import annotations

from mmautoloss.expr.operators import EPS, OPERATORS, Primitive

__all__ = ['ALIASES', 'ARITY', 'DRAWN', 'EPS', 'PRIMITIVES', 'PUBLISHED', 'Primitive']

PUBLISHED: tuple[str, ...] = (
    *('add', 'mul', 'neg', 'abs', 'inv', 'log', 'exp', 'tanh', 'square', 'sqrt'),
    *('mean_nhw', 'mean_c', 'maxpool', 'minpool'),
)
"""The 14 published operators, in the order of the paper."""

DRAWN: list[str] = list(PUBLISHED)
"""Operators that random graphs and mutations draw: the published ones, then those of users, sorted."""

PRIMITIVES: dict[str, Primitive] = {
    name: OPERATORS[name].primitive for name in dict.fromkeys((*PUBLISHED, *OPERATORS))
}
"""All operators that expressions may use, by name; first the published ones."""

ARITY: dict[str, int] = {name: primitive.arity for name, primitive in PRIMITIVES.items()}
"""Number of operands of each operator."""

ALIASES = {'max_pool': 'maxpool', 'min_pool': 'minpool', 'ln': 'log', 'arctan': 'atan'}
"""Other spellings, which are read but never written."""
