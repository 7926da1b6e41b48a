"""What rounding does to a result, found by trying: the same evaluation with every step wrong in its last digit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

COPIES = 4
"""Evaluations at once, along a new first dimension: an exact one, one without numbers near 0, others with errors."""


class Rounding:
    """Errors of a step as a precision has them, in all copies of a tensor but the first.

    Args:
        dtype: The precision; errors are twice as large as its own.
        seed: Of the errors.

    Attributes:
        largest: The largest value or gradient of a step in the first copy; infinite once one was not finite.
    """

    def __init__(self, dtype: torch.dtype, seed: int) -> None:
        limits = torch.finfo(dtype)
        self.unit, self.tiny = 2 * limits.eps, limits.tiny
        self.generator = torch.Generator().manual_seed(seed)
        self.largest = 0.0

    def __call__(self, result: Tensor) -> Tensor:
        """The result of a step (COPIES, ...), with errors; its gradient has others."""
        return _Wrong.apply(result, self, True)

    def used(self, tensor: Tensor) -> Tensor:
        """A tensor as one of several steps reads it: its share of the gradient has errors, its values have none."""
        return _Wrong.apply(tensor, self, False)

    def blurred(self, result: Tensor, operand: Tensor, size: Tensor | float) -> Tensor:
        """A result whose derivative has errors of a size, as that of tanh, which is 1 - tanh ** 2."""
        errors = self.unit * self.errors(result) * size
        return result + errors * (operand - operand.detach())

    def spoilt(self, values: Tensor) -> Tensor:
        """Values with errors."""
        if values[0].numel():
            self.largest = max(self.largest, float(values[0].abs().nan_to_num(torch.inf).max()))
        errors = 1 + self.unit * self.errors(values)
        errors[1] *= values[1].abs() >= self.tiny  # what is below may become 0
        return values * errors

    def errors(self, like: Tensor) -> Tensor:
        """Random numbers, in the first copy 0."""
        errors = torch.randn(like.shape, generator=self.generator, dtype=torch.float64)
        errors[0] = 0
        return errors


class _Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, result: Tensor, rounding: Rounding, spoil: bool) -> Tensor:
        ctx.rounding = rounding
        return rounding.spoilt(result) if spoil else result.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return ctx.rounding.spoilt(gradient), None, None
