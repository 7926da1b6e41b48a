"""Losses that replace others in a model that is already built."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from mmautoloss.branches.branch import Branch, check_branches
from mmautoloss.branches.contracts import refused_by_head
from mmautoloss.branches.heads import ModelLoss, find_losses, head_of, input_of
from mmautoloss.errors import SetupError
from mmautoloss.losses import SearchedLoss

_READ_BY_HEADS = ('custom_cls_channels', 'custom_activation', 'custom_accuracy')
"""Flags of losses by which heads of mmdet size their output and turn it into probabilities."""


def build_replacements(
    model: nn.Module, losses: Mapping[str, Mapping[str, Any]], build: Callable[[dict[str, Any]], nn.Module]
) -> dict[str, nn.Module]:
    """Builds losses that can take the place of those of a model.

    Nothing but the loss is exchanged, so the head has to pass what the new loss reads. What a ``SearchedLoss`` does not set
    is that of the loss in its place: kind of input, weight, class weights and the like. Every loss keeps the name in logs.

    Args:
        model: The model, built.
        losses: Configs of the new losses, by path of the loss in the model. A path without the numbers of stages, such as
            ``roi_head.bbox_head.loss_cls`` of a cascade, is that of all stages.
        build: Builds a loss from its config.

    Returns:
        The new losses, by path in the model.

    Raises:
        SetupError: There is no loss at a path, or the new one cannot be built or does not fit there.
    """
    places = find_losses(model)
    by_path = {place.path: losses[key] for key in losses for place in _places(key, places, losses)}
    return {
        place.path: _build(model, place, dict(by_path[place.path]), build) for place in places if place.path in by_path
    }


def _places(key: str, places: Sequence[ModelLoss], taken: Mapping[str, Any]) -> list[ModelLoss]:
    """The losses at a path; a path that is named in full is not that of a stage."""
    stages = [
        place for place in places if place.path == key or (_is_stage(place.path, key) and place.path not in taken)
    ]
    if not stages:
        raise SetupError(f'There is no loss at {key!r}. Losses of this model: {", ".join(p.path for p in places)}.')
    return stages


def is_place(path: str, key: str) -> bool:
    """Whether a path of ``losses`` in ``build_replacements`` is that of a loss, or of all stages of which it is one."""
    return path == key or _is_stage(path, key)


def _is_stage(path: str, key: str) -> bool:
    """Whether a path is another but for the numbers of heads; the losses of a list are not one."""
    head, _, loss = path.rpartition('.')
    return f'{re.sub(r"[.][0-9]+(?=[.]|$)", "", head)}.{loss}' == key


def _build(
    model: nn.Module, place: ModelLoss, config: dict[str, Any], build: Callable[[dict[str, Any]], nn.Module]
) -> nn.Module:
    old = model.get_submodule(place.path)
    if _is_searched(config):
        config = {**_taken_over(place), **config}
    new = build(config)
    if 'loss_name' not in config and hasattr(old, 'loss_name') and hasattr(new, 'loss_name'):
        new = build({**config, 'loss_name': old.loss_name})
    _check_state(place, old, new)
    if isinstance(new, SearchedLoss):
        check_branches(model, (Branch(place.name, place.path, new.kind.name),))
    else:
        _check_call(model, place, old, new)
    return new.train(old.training)


def _is_searched(config: Mapping[str, Any]) -> bool:
    kind = config.get('type')
    return kind is SearchedLoss or (isinstance(kind, str) and kind.rpartition('.')[2] == SearchedLoss.__name__)


def _taken_over(place: ModelLoss) -> dict[str, Any]:
    """Arguments of a ``SearchedLoss`` as the loss in its place has them."""
    inputs = {'inputs': place.inputs} if place.inputs else {}
    return {**inputs, 'loss_weight': place.weight, **place.settings}


def _check_state(place: ModelLoss, old: nn.Module, new: nn.Module) -> None:
    """Checks that checkpoints before and after the exchange have the same keys, and the optimiser the same parameters."""
    for loss in (old, new):
        names = list(loss.state_dict())
        if names:
            raise SetupError(
                f'The loss {type(loss).__name__} at {place.path!r} has parameters or buffers ({", ".join(names)}), which '
                'checkpoints hold, so it cannot be exchanged within a training: leave it out.'
            )


def _check_call(model: nn.Module, place: ModelLoss, old: nn.Module, new: nn.Module) -> None:
    """Checks that a loss of a library reads what the head passes."""
    if reason := refused_by_head(model, place.path):
        raise SetupError(f'The loss {place.loss} at {place.path!r} cannot be exchanged: {reason}.')
    head = head_of(model, place.path)
    before, after = (input_of(head, loss, place.path) for loss in (old, new))
    if type(old) is type(new) and before and before[0] is None:  # nobody searches it, but its head calls it
        return
    differs = [name for name in _READ_BY_HEADS if getattr(old, name, False) != getattr(new, name, False)]
    if (before and after and before != after) or differs:
        raise SetupError(
            f'The head of {place.path!r} is built for {place.loss} ({_words(before)}), but got {type(new).__name__} '
            f'({", ".join(differs) or _words(after)}). Give a loss that reads the same, or build the head for both '
            '(use_sigmoid of the losses, reg_decoded_bbox of the head).'
        )


def _words(verdict: tuple[str | None, str] | None) -> str:
    inputs, reason = verdict or (None, 'unknown')
    return f'inputs {inputs!r}' if inputs else reason
