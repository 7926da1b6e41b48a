"""What rounding does to a result, found by trying: the same evaluation with every step wrong in its last digit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

COPIES = 6
"""Evaluations at once, along a new first dimension: an exact one, one in which numbers near 0 are 0, others with errors."""


class Rounding:
    """Errors of a step as a precision has them, in the copies of a tensor.

    Args:
        dtype: The precision.
        seed: Of the errors.
        units: Size of an error, as a multiple of the precision's own.

    Attributes:
        largest: The largest value or gradient of a step; infinite once one was not finite.
        torn: Whether the copies took the largest of neighbours from different places, so that gradients are theirs.
    """

    def __init__(self, dtype: torch.dtype, seed: int, units: int = 2) -> None:
        limits = torch.finfo(dtype)
        self.unit, self.tiny = units * limits.eps, limits.tiny
        self.generator = torch.Generator().manual_seed(seed)
        self.largest, self.torn = 0.0, False

    def __call__(self, result: Tensor, size: Tensor | float = 0.0) -> Tensor:
        """The result of a step (COPIES, ...), with errors; its gradient has others.

        Args:
            result: The result.
            size: Of a sum, or of a logarithm near 1: a result that is as nothing beside it may be 0 as well.
        """
        return _Wrong.apply(result, self, self.tiny + 2 * self.unit * size)

    def used(self, tensor: Tensor) -> Tensor:
        """A tensor as one of several steps reads it: its share of the gradient has errors, its values have none."""
        return _Wrong.apply(tensor, self, None)

    def blurred(self, result: Tensor, operand: Tensor, size: Tensor | float) -> Tensor:
        """A result whose derivative has errors of a size, as that of tanh, which is 1 - tanh ** 2."""
        errors = self.unit * self.errors(result) * size
        return result + errors * (operand - operand.detach())

    def spoilt(self, values: Tensor, least: Tensor | float) -> Tensor:
        """Values with errors, in the second copy 0 where they are below the least."""
        if values.numel():
            self.largest = max(self.largest, float(values.abs().nan_to_num(torch.inf).max()))
        errors = 1 + self.unit * self.errors(values)
        errors[1] *= ~(values.abs() < least)[1]
        return values * errors

    def errors(self, like: Tensor) -> Tensor:
        """Errors about 1 and -1, which seldom cancel, in the first two copies 0."""
        errors = torch.rand(like.shape, generator=self.generator, dtype=torch.float64).mul_(2).sub_(1)
        errors += errors.sign() / 2
        errors[:2] = 0
        return errors


class _Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, result: Tensor, rounding: Rounding, least: Tensor | float | None) -> Tensor:
        ctx.rounding = rounding
        return result.clone() if least is None else rounding.spoilt(result, least)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.rounding.spoilt(gradient, ctx.rounding.tiny), None, None
