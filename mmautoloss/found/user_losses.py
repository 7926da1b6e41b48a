"""Reads the ``losses`` and ``weights`` of ``evaluate``."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from mmautoloss.branches import Branch, ModelLoss, find_losses
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.found.found import NamedLoss
from mmautoloss.found.matching import by_hand, match, unplaced
from mmautoloss.found.read import read_result
from mmautoloss.losses import cards, is_known


class UserLosses(NamedTuple):
    """Losses that replace the hand-made ones of a model.

    Attributes:
        branches: The branches that they replace.
        genome: Their expressions; None where all losses stay hand-made.
        weights: ``loss_weight`` of each.
        fixed: Names of the losses whose weight the caller gave.
        left_out: Names of found losses that have no place in the model.
    """

    branches: tuple[Branch, ...] = ()
    genome: Genome | None = None
    weights: Mapping[str, float] = {}
    fixed: Collection[str] = ()
    left_out: tuple[str, ...] = ()


def losses_of_model(model: nn.Module | Sequence[ModelLoss], branches: Sequence[Branch] = ()) -> list[ModelLoss]:
    """The losses of a model; those that a search covers have the name and inputs of its branch."""
    places = find_losses(model) if isinstance(model, nn.Module) else model
    by_path = {branch.path: branch for branch in branches}
    return [_renamed(place, by_path[place.path]) if place.path in by_path else place for place in places]


def _renamed(place: ModelLoss, branch: Branch) -> ModelLoss:
    return place._replace(name=branch.name, inputs=branch.inputs, reason='')


def read_user_losses(
    losses: str | Path | Mapping[str, str | None] | None,
    places: Sequence[ModelLoss],
    weights: Mapping[str, float | str],
) -> UserLosses:
    """Reads ``losses`` and ``weights`` of ``evaluate``.

    Raises:
        SetupError: A loss has no place in the model or does not fit there, a place is named twice, or a weight is no
            number.
    """
    replacements = _read_losses(losses, places)
    branches, genome, defaults = match(replacements, places, {}) if replacements else ((), None, {})
    _require_once('weights', weights, places)
    fixed = {_place(name, places).name: _number(name, weight) for name, weight in weights.items()}
    if set(fixed) - set(defaults):
        raise SetupError(
            f'weights are for losses that are replaced ({", ".join(defaults) or "none"}), but got {", ".join(fixed)}.'
        )
    left_out = tuple(loss.name for loss in unplaced(replacements, places, {}))
    return UserLosses(branches, genome, {**defaults, **fixed}, frozenset(fixed), left_out)


def _read_losses(
    losses: str | Path | Mapping[str, str | None] | None, places: Sequence[ModelLoss]
) -> Sequence[NamedLoss]:
    if losses is None:
        return ()
    if isinstance(losses, Path) or (isinstance(losses, str) and _is_result(losses)):
        return read_result(Path(losses))
    if isinstance(losses, str):
        losses = {place.name: losses for place in places if place.inputs}
    _require_once('losses', losses, places)
    return by_hand({name: text for name, text in losses.items() if text is not None}, places)


def _is_result(text: str) -> bool:
    return not is_known(text) and (text in cards() or os.path.exists(text))


def _require_once(setting: str, entries: Any, places: Sequence[ModelLoss]) -> None:
    if not isinstance(entries, Mapping):
        raise SetupError(f'{setting} must be a dict by name or path of a loss, but got {entries!r}.')
    for place in places:
        if place.name != place.path and {place.name, place.path} <= set(entries):
            raise SetupError(f'{setting} must name a loss once, but {place.name!r} and {place.path!r} are the same.')


def _number(name: str, weight: float | str) -> float:
    try:
        number = float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise SetupError(f'The weight of {name!r} must be a number, but got {weight!r}.')
    return number


def _place(name: str, places: Sequence[ModelLoss]) -> ModelLoss:
    for place in places:
        if name in (place.name, place.path):
            return place
    raise SetupError(
        f'There is no loss {name!r} in this model; there are {", ".join(place.name for place in places)}.'
    )
