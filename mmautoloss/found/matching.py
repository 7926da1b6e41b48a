"""Matches found losses with the losses of a model."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mmautoloss.branches import Branch, ModelLoss
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.found.found import NamedLoss
from mmautoloss.losses import expression_of


def match(
    losses: Sequence[NamedLoss], model: Sequence[ModelLoss], mapping: Mapping[str, str]
) -> tuple[tuple[Branch, ...], Genome, dict[str, float]]:
    """Finds the places of found losses in another model.

    A loss goes where its path is the same, or the same but for numbers, so that one RoI loss goes to all stages of a
    cascade. Class weights and the like are those of the loss that it replaces.

    Args:
        losses: The found losses.
        model: The losses of the model.
        mapping: Names of found losses, by path or name of the loss in the model that each replaces.

    Raises:
        SetupError: None of the losses has a place, the mapping has an unknown name, or a loss reads another kind of
            input than the head passes.
    """
    branches, texts, weights = [], {}, {}
    for place, loss in _placed(losses, model, mapping):
        if place.inputs != loss.inputs and not place.unknown:
            raise SetupError(_misfit(loss, place))
        branches.append(Branch(place.name, place.path, loss.inputs, place.settings))
        texts[place.name], weights[place.name] = loss.expression, loss.weight
    if not branches:
        raise SetupError(
            f'None of the found losses ({", ".join(loss.path for loss in losses)}) has a place in this model '
            f'({", ".join(place.path for place in model)}). Name places with --map PLACE=NAME.'
        )
    return tuple(branches), Genome.from_text(texts), weights


def unplaced(
    losses: Sequence[NamedLoss], model: Sequence[ModelLoss], mapping: Mapping[str, str]
) -> tuple[NamedLoss, ...]:
    """The found losses for which ``match``, with the same arguments, has no place."""
    placed = [loss for _, loss in _placed(losses, model, mapping)]
    return tuple(loss for loss in losses if loss not in placed)


def by_hand(losses: Mapping[str, str], model: Sequence[ModelLoss]) -> tuple[NamedLoss, ...]:
    """Losses that a user chose, with the weights of those that they replace.

    Args:
        losses: Known losses or expressions, by name or path of the loss in the model that each replaces.
        model: The losses of the model.

    Raises:
        SetupError: The model has no such loss, it is named twice, or the new loss does not fit its head.
    """
    _check_once(losses, model)
    places, chosen = {key: place for place in model for key in (place.name, place.path)}, []
    for name, text in losses.items():
        place = places.get(name)
        if place is None or place.inputs is None:
            fitting = [place.name for place in model if place.inputs]
            why = f' ({place.loss}: {place.reason})' if place else ''
            raise SetupError(f'There is no loss {name!r} to replace{why}; there are {", ".join(fitting)}.')
        expression = expression_of(text, place.inputs)
        chosen.append(NamedLoss(place.name, place.path, place.inputs, expression, place.weight, place.settings))
    return tuple(chosen)


def _placed(
    losses: Sequence[NamedLoss], model: Sequence[ModelLoss], mapping: Mapping[str, str]
) -> list[tuple[ModelLoss, NamedLoss]]:
    """The losses of a model that are replaced, each with the found loss that replaces it."""
    by_name = {loss.name: loss for loss in losses}
    by_path = {loss.path: loss for loss in losses}
    _check_mapping(mapping, by_name, model)
    pairs = []
    for place in model:
        name = mapping.get(place.path) or mapping.get(place.name)
        loss = by_name[name] if name else by_path.get(place.path) or _of_other_stage(losses, place.path, model)
        if loss is not None:
            pairs.append((place, loss))
    return pairs


def _of_other_stage(losses: Sequence[NamedLoss], path: str, model: Sequence[ModelLoss]) -> NamedLoss | None:
    """The found loss whose path differs only in numbers and is not that of another loss of the model."""
    places = {place.path for place in model}
    stages = [loss for loss in losses if loss.path not in places and _unnumbered(loss.path) == _unnumbered(path)]
    return stages[0] if stages else None


def _unnumbered(path: str) -> str:
    return re.sub(r'\.\d+\b', '', path)


def _check_mapping(mapping: Mapping[str, str], losses: Mapping[str, Any], model: Sequence[ModelLoss]) -> None:
    places = {key for place in model for key in (place.path, place.name)}
    for place, name in mapping.items():
        if place not in places:
            raise SetupError(f'--map: this model has no loss {place!r}; it has {", ".join(p.path for p in model)}.')
        if name not in losses:
            raise SetupError(f'--map: there is no found loss {name!r}; there are {", ".join(losses)}.')
    _check_once(mapping, model)


def _check_once(keys: Collection[str], model: Sequence[ModelLoss]) -> None:
    for place in model:
        if place.name != place.path and place.name in keys and place.path in keys:
            raise SetupError(
                f'{place.name!r} and {place.path!r} are one place and can take one loss only; name it once.'
            )


def _misfit(loss: NamedLoss, place: ModelLoss) -> str:
    why = place.reason or f'the head there passes {place.inputs!r}'
    return f'The found loss {loss.name!r} reads {loss.inputs!r} and cannot stand at {place.path!r}: {why}.'
