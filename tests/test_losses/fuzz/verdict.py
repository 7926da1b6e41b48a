"""Whether a loss gives what a call means, within what rounding explains."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.losses import SearchedLoss
from tests.test_losses.fuzz.calls import Call
from tests.test_losses.fuzz.contract import Result, evaluate, ramp
from tests.test_losses.fuzz.rounding import Rounding

SPREADS = 16
"""Differences of the spoilt evaluations up to which a result may be off."""

HALF = 6e4
"""The largest gradient that halves can hold."""


class Precision(NamedTuple):
    """What is asked of a precision.

    Attributes:
        error: Relative error that is allowed anyway.
        clear: Tolerances up to this share of the largest number are worth a comparison.
        limit: Numbers on the way above which it overflows, or may.
        least: Error that is allowed anyway.
    """

    error: float
    clear: float
    limit: float
    least: float = 0.0


PRECISIONS = {
    torch.float64: Precision(1e-9, 1e-6, 1e300),
    torch.float32: Precision(2e-5, 1e-2, 1e36),
    torch.float16: Precision(2e-3, 2e-2, 1e36, 1e-7),
}


class Verdict(NamedTuple):
    """What came of a comparison.

    Attributes:
        fault: What is wrong; '' if nothing is.
        clear: Share of the numbers that were compared, in which rounding leaves enough digits.
    """

    fault: str
    clear: float


def found_of(loss: Callable[..., Tensor], call: Call) -> tuple[Tensor, Tensor]:
    """Value and gradient of a call; of values without reduction the gradient of their sum times ``ramp``."""
    pred = call.pred.clone().requires_grad_()
    value = loss(pred, call.target, call.weight, **call.options)
    total = (value * ramp(value)).sum() if call.reduction == 'none' else value
    gradient = torch.autograd.grad(total, pred)[0] if total.requires_grad else torch.zeros_like(pred)
    return value.detach(), gradient


def judge(tree: Tree, call: Call, loss: Callable[..., Tensor] | None = None) -> Verdict:
    """Compares the loss of a call with its meaning.

    Args:
        tree: The expression.
        call: The call, in the precision in which the loss is asked.
        loss: The loss, if not ``SearchedLoss`` of the expression as it is.
    """
    value, gradient = found_of(loss or SearchedLoss(tree, **call.settings), call)
    dtype = call.pred.dtype
    wanted = evaluate(tree, call, Rounding(torch.float32 if dtype == torch.float16 else dtype, seed=0))
    if value.shape != wanted.value.shape[1:]:
        return Verdict(f'shape {tuple(value.shape)} and not {tuple(wanted.value.shape[1:])}', 1.0)
    if not _is_finite(wanted.value[0], wanted.gradient[0]):
        return Verdict('NaN or Inf does not show' if _is_finite(value, gradient) else '', 1.0)
    of_value = compared('value', value, wanted.value, wanted, dtype)
    of_gradient = compared('gradient', gradient, wanted.gradient, wanted, dtype)
    return Verdict(of_value.fault or of_gradient.fault, min(of_value.clear, of_gradient.clear))


def compared(name: str, found: Tensor, copies: Tensor, wanted: Result, dtype: torch.dtype) -> Verdict:
    """Compares a value or gradient with that of the copies.

    Args:
        name: What it is, ``'value'`` or ``'gradient'``.
        found: The tensor.
        copies: What is wanted of it, (COPIES, ...).
        wanted: Where the copies come from.
        dtype: Precision of the found.
    """
    if not found.numel():
        return Verdict('', 1.0)
    if not _is_finite(copies[0]):
        return Verdict(f'NaN or Inf does not show in the {name}' if _is_finite(found) else '', 1.0)
    too_large = dtype == torch.float16 and float(copies[0].abs().max()) > HALF
    if wanted.largest > PRECISIONS[dtype].limit or (name == 'gradient' and (wanted.torn or too_large)):
        return Verdict('', 0.0)
    allowed, clear = _allowed(copies, PRECISIONS[dtype])
    error = (found.double() - copies[0]).abs().nan_to_num(torch.inf)
    if bool((error <= allowed).all()):
        return Verdict('', clear)
    place = torch.unravel_index((error - allowed).argmax(), error.shape)
    got, right, limit = (float(tensor[place]) for tensor in (found, copies[0], allowed))
    where = tuple(map(int, place))
    return Verdict(f'{name} {got:.9g} and not {right:.9g} at {where}, with {limit:.1g} allowed', clear)


def _is_finite(*tensors: Tensor) -> bool:
    return all(bool(tensor.isfinite().all()) for tensor in tensors)


def _allowed(copies: Tensor, precision: Precision) -> tuple[Tensor, float]:
    """How far each number may be off, and the share of those in which that leaves enough to be told."""
    wanted = copies[0]
    spread = (copies - wanted).abs().amax(dim=0).nan_to_num(torch.inf)
    if wanted.dim() > 1:  # errors may cancel by chance, but not in all channels
        spread = spread.amax(dim=1, keepdim=True).expand(spread.shape)
    size = float(wanted.abs().max())
    allowed = SPREADS * spread + precision.error * (wanted.abs() + 1e-3 * size) + precision.least
    return allowed, float((allowed <= precision.clear * size + precision.least).double().mean()) if size else 1.0
