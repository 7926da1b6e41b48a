"""How long the gradients of several losses are, by which a mixture puts them on one scale."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmautoloss.checks import require_number
from mmautoloss.errors import SetupError

CALLS = 10
"""Calls at the begin of a training in which gradients are measured; from then on the scales stay."""


class GradientSizes(nn.Module):
    """Sums of the lengths of gradients over the first calls, kept in checkpoints.

    Args:
        count: Number of losses.
    """

    total: Tensor
    calls: Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer('total', torch.zeros(count, dtype=torch.float64))
        self.register_buffer('calls', torch.zeros((), dtype=torch.long))

    @property
    def measures(self) -> bool:
        """Whether the first calls are not over."""
        return int(self.calls) < CALLS

    def add(self, lengths: Tensor) -> None:
        """Adds the lengths (K,) in one call; a call without gradients, or with NaN or Inf, does not count."""
        if bool(lengths.isfinite().all()) and bool(lengths.any()):
            self.total += lengths.to(self.total)
            self.calls += 1

    def factors(self) -> list[float]:
        """The factors that make gradients as long as that of the first loss; 1 where one of them has no gradient."""
        first, *_ = sizes = self.total.tolist()
        return [first / size if first > 0 and size > 0 else 1.0 for size in sizes]


class GivenScales(nn.Module):
    """Factors that the user gives, in place of measured ones.

    Args:
        values: One factor a loss.
    """

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__()
        self.values = [float(value) for value in values]

    def factors(self) -> list[float]:
        """The factors."""
        return self.values


def read_scales(value: object, count: int) -> GradientSizes | GivenScales:
    """The scales of a mixture.

    Args:
        value: ``'gradient'``, ``'none'`` or a list of positive factors.
        count: Number of losses.

    Raises:
        SetupError: It is nothing of that.
    """
    if value == 'gradient':
        return GradientSizes(count)
    if value == 'none':
        return GivenScales([1.0] * count)
    if not isinstance(value, (list, tuple)) or len(value) != count:
        raise SetupError(
            f"scales must be 'gradient', 'none' or one factor for each of {count} losses, but got {value!r}."
        )
    for factor in value:
        require_number('each of scales', factor, 0, above=True)
    return GivenScales(value)
