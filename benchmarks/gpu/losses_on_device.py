"""Searched losses against the libraries' own classes: values, gradients, time, memory; eager, compiled, mixed precision."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from loss_cases import CASES, Case, Loss
from loss_cost import measure
from torch import Tensor

SECONDS = 0.5
"""About how long each case is measured."""

SCALE = 2.0**12
"""Of a loss in mixed precision, as by ``GradScaler``: gradients of means over a million pixels are too small for float16."""


def run(visit: Any, scale: int | None = None) -> Iterator[dict[str, Any]]:
    """A row for each loss, in single precision and under autocast.

    Args:
        visit: The visit.
        scale: By what sizes are divided; by default they are those of training on a GPU, and an eighth on the CPU.

    Raises:
        AssertionError: Value or gradient are not those of the library; after all rows.
    """
    torch.manual_seed(0)
    problems = []
    for make in CASES:
        case = make(torch.device(visit.device), scale or (8 if visit.device == 'cpu' else 1))
        for precision, each, tolerance in (('single', case, 1e-4), ('mixed', mixed(case), 1e-2)):
            try:
                row = measure(each, SECONDS, tolerance)._asdict()
            except AssertionError as error:
                problems.append(str(error))
                row = {'loss': case.loss, 'size': case.size, 'differs': str(error)}
            yield {**row, 'precision': precision, 'device': visit.device}
    if problems:
        raise AssertionError('; '.join(problems))


def mixed(case: Case) -> Case:
    """The same call under autocast with predictions in half precision, against the library's class in single precision.

    The library gets the same predictions, so that only the rounding of the gradient to half precision may differ.
    """
    half = torch.float16 if case.pred.is_cuda else torch.bfloat16

    def call(loss: Loss, pred: Tensor) -> Tensor:
        with torch.autocast(pred.device.type, half):
            return SCALE * case.call(loss, pred)

    def their_call(loss: Loss, pred: Tensor) -> Tensor:
        return SCALE * (case.their_call or case.call)(loss, pred.float())

    return case._replace(pred=case.pred.to(half), call=call, their_call=their_call)
