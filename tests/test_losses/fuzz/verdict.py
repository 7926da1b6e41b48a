"""Whether a loss gives what a call means, within what rounding explains."""

from __future__ import annotations

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


class Precision(NamedTuple):
    """What is asked of a precision.

    Attributes:
        error: Relative error that is allowed anyway.
        clear: Tolerances up to this share of the largest number are worth a comparison.
        limit: Numbers on the way above which it overflows, or may.
    """

    error: float
    clear: float
    limit: float


PRECISIONS = {
    torch.float64: Precision(1e-9, 1e-6, 1e300),
    torch.float32: Precision(2e-5, 1e-2, 1e36),
    torch.float16: Precision(2e-3, 2e-2, 1e36),
}


class Verdict(NamedTuple):
    """What came of a comparison.

    Attributes:
        fault: What is wrong; '' if nothing is.
        clear: Share of the numbers that were compared, in which rounding leaves enough digits.
    """

    fault: str
    clear: float


def found_of(loss: SearchedLoss, call: Call) -> tuple[Tensor, Tensor]:
    """Value and gradient of a call; of values without reduction the gradient of their sum times ``ramp``."""
    pred = call.pred.clone().requires_grad_()
    value = loss(pred, call.target, call.weight, **call.options)
    total = (value * ramp(value)).sum() if call.reduction == 'none' else value
    gradient = torch.autograd.grad(total, pred)[0] if total.requires_grad else torch.zeros_like(pred)
    return value.detach(), gradient


def judge(tree: Tree, call: Call, loss: SearchedLoss | None = None) -> Verdict:
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
        hidden = _is_finite(value, gradient)
        return Verdict('NaN or Inf does not show' if hidden else '', 1.0)
    if wanted.largest > PRECISIONS[dtype].limit:
        return Verdict('', 0.0)
    if dtype == torch.float16 and float(wanted.gradient[0].abs().max() if gradient.numel() else 0) > 6e4:
        return Verdict('', 0.0)
    return _compared(value, gradient, wanted, dtype)


def _is_finite(value: Tensor, gradient: Tensor) -> bool:
    return bool(value.isfinite().all()) and bool(gradient.isfinite().all())


def _compared(value: Tensor, gradient: Tensor, wanted: Result, dtype: torch.dtype) -> Verdict:
    of_value, clear = _off('value', value, wanted.value, PRECISIONS[dtype], 0)
    if wanted.torn:
        return Verdict(of_value, 0.0)
    floor = 1e-7 if dtype == torch.float16 else 0
    of_gradient, clear_too = _off('gradient', gradient, wanted.gradient, PRECISIONS[dtype], floor)
    return Verdict(of_value or of_gradient, min(clear, clear_too))


def _off(name: str, found: Tensor, copies: Tensor, precision: Precision, floor: float) -> tuple[str, float]:
    """What is wrong with a tensor, and the share of it that can be told."""
    if not found.numel():
        return '', 1.0
    wanted = copies[0]
    spread = (copies - wanted).abs().amax(dim=0).nan_to_num(torch.inf)
    if wanted.dim() > 1:  # an error may cancel by chance, but not in all channels
        spread = spread.amax(dim=1, keepdim=True).expand(spread.shape)
    size = float(wanted.abs().max())
    allowed = SPREADS * spread + precision.error * (wanted.abs() + 1e-3 * size) + floor
    error = (found.double() - wanted).abs().nan_to_num(torch.inf)
    clear = float((allowed <= precision.clear * size + floor).double().mean()) if size else 1.0
    worst = int((error / allowed.clamp(min=1e-300)).argmax())
    if bool((error <= allowed).all()):
        return '', clear
    place = tuple(int(index) for index in torch.unravel_index(torch.tensor(worst), error.shape))
    return (
        f'{name} {float(found.flatten()[worst]):.9g} and not {float(wanted.flatten()[worst]):.9g} at {place}, '
        f'with {float(allowed.flatten()[worst]):.1g} allowed'
    ), clear
