"""Operators that ``EPS`` protects at 0, as in AutoLoss-Zero.

The pole of ``inv`` is at ``-EPS``. Logarithm and root are odd, sign(x) * log(abs(x) + EPS), and 0 at 0, with a slope of 0.
"""

from __future__ import annotations

import math

from torch import Tensor

from mmautoloss.expr.operators.ranges import UNBOUNDED, Bounds
from mmautoloss.expr.operators.record import EPS, Operator, Primitive, Spelling, spelled


def _inv(x: Tensor) -> Tensor:
    return 1 / (x + EPS)


def _log(x: Tensor) -> Tensor:
    return x.abs().add_(EPS).log_().mul_(x.sign())


def _sqrt(x: Tensor) -> Tensor:
    return x.abs().add_(EPS).sqrt_() * x.sign()  # in place, as far as autograd may look on


def _inv_back(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    return -gradient * (value * value)


def _log_back(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    sign = x.sign()  # twice, so that the slope at 0 is 0 and not 1 / EPS
    return (gradient * sign).div_(x.abs().add_(EPS)).mul_(sign)


def _sqrt_back(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    sign = x.sign()
    return (gradient * sign).div_(x.abs().add_(EPS).sqrt_().mul_(2)).mul_(sign)


def _guarded(x: float) -> float:
    """``x + EPS`` as float32 has it, the precision of training: from here on EPS is rounded away.

    So ``log(1)`` is 0 and ``1 / 1`` is 1, as they are for the candidate that is trained.
    """
    return x if abs(x) >= 2**-15 else x + EPS


def _inv_bounds(x: Bounds) -> Bounds:
    return UNBOUNDED if x.low < 0 else Bounds(1 / (x.high + EPS), 1 / (x.low + EPS))  # the pole is at -EPS


def _log_bounds(x: Bounds) -> Bounds:
    size = max(abs(math.log(EPS)), math.log(x.size + EPS))  # smaller where x is away from 0, but that is no matter
    return Bounds(-size, size)


def _sqrt_bounds(x: Bounds) -> Bounds:
    size = math.sqrt(x.size + EPS)
    return Bounds(-size, size)


INV = Operator(
    primitive=Primitive('inv', 1, _inv, r'\frac{{1}}{{{0}}}'),
    bounds=_inv_bounds,
    slopes=lambda x: (_inv_bounds(x).size ** 2,),
    derivatives=(_inv_back,),
    on_number=lambda x: 1 / _guarded(x),
)
LOG = Operator(
    primitive=Primitive('log', 1, _log, r'\log\left({0}\right)'),
    bounds=_log_bounds,
    slopes=lambda x: (1 / EPS,),
    derivatives=(_log_back,),
    on_number=lambda x: math.copysign(1, x) * math.log(_guarded(abs(x))) if x else 0.0,
    odd=True,
    spellings=spelled(
        numpy=Spelling('log({0})', 'def log(x):\n    return np.sign(x) * np.log(np.abs(x) + EPS)\n'),
        torch=Spelling('log({0})', 'def log(x):\n    return torch.sign(x) * torch.log(torch.abs(x) + EPS)\n'),
        sympy='(sign({0}) * log(Abs({0}) + 1.0e-12))',
        ideal_sympy='log({0})',
    ),
)
SQRT = Operator(
    primitive=Primitive('sqrt', 1, _sqrt, r'\sqrt{{{0}}}'),
    bounds=_sqrt_bounds,
    slopes=lambda x: (1 / (2 * math.sqrt(EPS)),),
    derivatives=(_sqrt_back,),
    on_number=lambda x: math.copysign(1, x) * math.sqrt(_guarded(abs(x))) if x else 0.0,
    odd=True,
    spellings=spelled(
        numpy=Spelling('sqrt({0})', 'def sqrt(x):\n    return np.sign(x) * np.sqrt(np.abs(x) + EPS)\n'),
        torch=Spelling('sqrt({0})', 'def sqrt(x):\n    return torch.sign(x) * torch.sqrt(torch.abs(x) + EPS)\n'),
        sympy='(sign({0}) * sqrt(Abs({0}) + 1.0e-12))',
        ideal_sympy='sqrt({0})',
    ),
)
