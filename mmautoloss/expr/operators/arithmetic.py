"""Sums, products, signs, absolute values and squares."""

from __future__ import annotations

import torch

from mmautoloss.expr.operators.ranges import Bounds, absolute, one, product
from mmautoloss.expr.operators.record import Operator, Primitive, spelled

ADD = Operator(
    primitive=Primitive('add', 2, torch.add, '{0} + {1}'),
    bounds=lambda x, z: Bounds(x.low + z.low, x.high + z.high),
    slopes=lambda x, z: (1.0, 1.0),
    derivatives=(lambda gradient, x, z, value: gradient, lambda gradient, x, z, value: gradient),
)
MUL = Operator(
    primitive=Primitive('mul', 2, torch.mul, r'{0} \cdot {1}'),
    bounds=product,
    slopes=lambda x, z: (z.size, x.size),
    derivatives=(lambda gradient, x, z, value: gradient * z, lambda gradient, x, z, value: gradient * x),
)
NEG = Operator(
    primitive=Primitive('neg', 1, torch.neg, '-{0}'),
    bounds=lambda x: Bounds(-x.high, -x.low),
    slopes=one,
    derivatives=(lambda gradient, x, value: -gradient,),
    on_number=lambda x: -x,
    odd=True,
)
ABS = Operator(
    primitive=Primitive('abs', 1, torch.abs, r'\left|{0}\right|'),
    bounds=absolute,
    slopes=one,
    derivatives=(lambda gradient, x, value: gradient * x.sign(),),
    on_number=abs,
    not_negative=True,
    spellings=spelled(numpy='np.abs({0})', torch='torch.abs({0})', sympy='Abs({0})'),
)
SQUARE = Operator(
    primitive=Primitive('square', 1, torch.square, '{0}^{{2}}'),
    bounds=lambda x: product(absolute(x), absolute(x)),
    slopes=lambda x: (2 * x.size,),
    derivatives=(lambda gradient, x, value: 2 * gradient * x,),
    on_number=lambda x: x * x,
    not_negative=True,
)
