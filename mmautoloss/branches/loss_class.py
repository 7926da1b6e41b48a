"""What a search knows of a class of losses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

Verdict = tuple[str | None, str]
"""The kind of input and '', or None and a reason."""

Objective = Callable[..., Tensor]
"""A loss as a function of the tensors of a recorded call."""


def is_activated(loss: Any) -> bool:
    """Whether attributes say that the head of a loss passes probabilities in place of logits."""
    return bool(getattr(loss, 'activated', False)) or not getattr(loss, 'activate', True)


def _no_settings(loss: nn.Module, head: nn.Module) -> dict[str, Any]:
    return {}


OF_FORMULAS = ('SearchedLoss', 'LossMixture')
"""Classes of losses of this package, whose settings are kept as they are."""


@dataclass(frozen=True)
class LossClass:
    """What a search knows of a class of losses; the defaults hold for those of which it knows nothing.

    Attributes:
        verdict: Of the head and the loss, the kind of input or why there is none; None where the class is not known.
        settings: Of the loss and its head, settings that a searched loss takes over besides those of all classes.
        objective: Adapts a loss and its head to recorded calls, in which some arguments have another form.
        probabilities: Whether the head of a loss passes probabilities in place of logits.
        averaging: Kinds of input by library for which it also averages over the channels over which a formula sums,
            where the head passes no normaliser.
        always_weighed: Whether it uses weights whatever its ``use_target_weight``.
        one_value: Whether no reduction means one value a batch, image or person.
        mode: Of a loss that compares a person as a whole, the mode in which that is a sum over keypoints or axes.
        in_formula: Attributes that are part of the formula, and no settings that would be lost.
        weight: Attribute with its weight.
    """

    verdict: Callable[[nn.Module, Any], Verdict] | None = None
    settings: Callable[[Any, nn.Module], Mapping[str, Any]] = _no_settings
    objective: Callable[[Any, nn.Module], Objective] | None = None
    probabilities: Callable[[Any], bool] = is_activated
    averaging: Mapping[str, Collection[str]] | None = None
    always_weighed: bool = False
    one_value: bool = False
    mode: str | None = None
    in_formula: Collection[str] = ()
    weight: str = 'loss_weight'
