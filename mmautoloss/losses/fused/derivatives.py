"""The derivatives of the primitive operators, written as torch's own backward does, NaN and Inf included.

Example:
    >>> import torch
    >>> x = torch.tensor([0.0, 2.0])
    >>> DERIVATIVES['log'](torch.ones(2), x, x.log()).tolist()
    [0.0, 0.5]
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor

from mmautoloss.expr.primitives import EPS


def _inv(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    return -gradient * (value * value)


def _log(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    sign = x.sign()  # twice, so that the slope at 0 is 0 and not 1 / EPS
    return (gradient * sign).div_(x.abs().add_(EPS)).mul_(sign)


def _sqrt(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    sign = x.sign()
    return (gradient * sign).div_(x.abs().add_(EPS).sqrt_().mul_(2)).mul_(sign)


def _erf(gradient: Tensor, x: Tensor, value: Tensor) -> Tensor:
    return 2 / math.sqrt(math.pi) * (-(x * x)).exp() * gradient


DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    'neg': lambda gradient, x, value: -gradient,
    'abs': lambda gradient, x, value: gradient * x.sign(),
    'inv': _inv,
    'log': _log,
    'exp': lambda gradient, x, value: gradient * value,
    'tanh': lambda gradient, x, value: gradient * (1 - value * value),
    'square': lambda gradient, x, value: 2 * gradient * x,
    'sqrt': _sqrt,
    'sin': lambda gradient, x, value: gradient * x.cos(),
    'erf': _erf,
    'atan': lambda gradient, x, value: gradient / (x * x + 1),
}
"""Of operators of one operand, element by element: ``(gradient of the result, operand, result)`` to that of the operand."""
