"""Functions of one element that need no protection. ``exp`` has none, as published: an overflow shows as Inf."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from mmautoloss.expr.operators.ranges import Bounds, one, within
from mmautoloss.expr.operators.record import Operator, Primitive, Spelling, spelled


def _erf_back(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    return 2 / math.sqrt(math.pi) * (-(x * x)).exp() * gradient


EXP = Operator(
    primitive=Primitive('exp', 1, torch.exp, 'e^{{{0}}}'),
    bounds=lambda x: Bounds(math.exp(x.low), math.exp(x.high)),
    slopes=lambda x: (math.exp(x.high),),
    derivatives=(lambda gradient, x, value: gradient * value,),
    on_number=math.exp,
    not_negative=True,
    spellings=spelled(numpy='np.exp({0})', torch='torch.exp({0})', sympy='exp({0})'),
)
TANH = Operator(
    primitive=Primitive('tanh', 1, torch.tanh, r'\tanh\left({0}\right)'),
    bounds=within(1.0),
    slopes=one,
    derivatives=(lambda gradient, x, value: gradient * (1 - value * value),),
    on_number=math.tanh,
    odd=True,
    spellings=spelled(numpy='np.tanh({0})', torch='torch.tanh({0})', sympy='tanh({0})'),
)
SIN = Operator(
    primitive=Primitive('sin', 1, torch.sin, r'\sin\left({0}\right)'),
    bounds=within(1.0),
    slopes=one,
    derivatives=(lambda gradient, x, value: gradient * x.cos(),),
    on_number=math.sin,
    odd=True,
    spellings=spelled(numpy='np.sin({0})', torch='torch.sin({0})', sympy='sin({0})'),
)
ERF = Operator(
    primitive=Primitive('erf', 1, torch.erf, r'\operatorname{{erf}}\left({0}\right)'),
    bounds=within(1.0),
    slopes=lambda x: (2 / math.sqrt(math.pi),),
    derivatives=(_erf_back,),
    on_number=math.erf,
    odd=True,
    spellings=spelled(
        numpy=Spelling('erf({0})', 'erf = np.vectorize(math.erf, otypes=[float])\n', imports='import math\n'),
        torch='torch.erf({0})',
        sympy='erf({0})',
    ),
)
ATAN = Operator(
    primitive=Primitive('atan', 1, torch.atan, r'\arctan\left({0}\right)'),
    bounds=within(math.pi / 2),
    slopes=one,
    derivatives=(lambda gradient, x, value: gradient / (x * x + 1),),
    on_number=math.atan,
    odd=True,
    spellings=spelled(numpy='np.arctan({0})', torch='torch.atan({0})', sympy='atan({0})'),
)
