"""What losses and heads of the libraries say of themselves by their attributes."""

from __future__ import annotations

import inspect
import math
from typing import Any

from torch import nn


def library_of(loss: nn.Module) -> str:
    """The name of the package that has the class of a loss."""
    return type(loss).__module__.partition('.')[0]


def channels_of(head: nn.Module) -> int:
    """The number of channels of the maps that a head predicts, such as classes or keypoints; 1 if it has none."""
    names = ('out_channels', 'num_classes', 'num_joints')
    return next((number for name in names if isinstance(number := getattr(head, name, None), int)), 1)


def inner_of(loss: nn.Module) -> nn.Module:
    """The loss that has the class weights: mmpretrain's label smoothing calls a cross-entropy."""
    return loss.ce if type(loss).__name__ == 'LabelSmoothLoss' and isinstance(loss.ce, nn.Module) else loss


def factors_of(loss: nn.Module, name: str) -> list[float] | None:
    """Factors of the classes that are not all 1."""
    factors = numbers_of(getattr(loss, name, None))
    return factors if any(factor != 1 for factor in factors or ()) else None


def numbers_of(values: Any) -> list[float] | None:
    """Values as finite floats; None if they are not."""
    if isinstance(values, (str, bytes)):
        return None
    try:
        factors = [float(factor) for factor in values]
    except (TypeError, ValueError):
        return None
    return factors if all(map(math.isfinite, factors)) else None


def ignored_label(module: nn.Module) -> int | None:
    """The label that a loss or a head ignores."""
    return next((getattr(module, name) for name in IGNORED if hasattr(module, name)), None)


IGNORED = ('ignore_index', 'ignore_label')
"""Attributes with the label that is ignored."""


def default_of(loss: nn.Module, name: str) -> Any:
    """The default of an argument of a loss; None if there is none."""
    for base in type(loss).__mro__:
        call = inspect.signature(base.__init__)  # type: ignore[misc]  # of a class, which mypy takes for an instance
        argument = call.parameters.get(name)
        if argument is not None and argument.default is not inspect.Parameter.empty:
            return argument.default
    return None
