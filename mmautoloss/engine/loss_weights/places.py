"""The losses of a model whose weights are set during a training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from numbers import Real

from torch import nn

from mmautoloss.branches import find_losses
from mmautoloss.errors import SetupError


def losses_at(model: nn.Module, place: str) -> list[str]:
    """The paths of the losses at a place: a loss, or a head, which stands for all of its losses.

    Args:
        model: The model without wrapper.
        place: A path in the model, such as ``'auxiliary_head'`` or ``'rpn_head.loss_cls'``.

    Raises:
        SetupError: There is no loss, one has no ``loss_weight``, or the losses of a head have several.
    """
    known = [loss.path for loss in find_losses(model)]
    found = [path for path in known if path == place or path.startswith(f'{place}.')]
    if not found:
        raise SetupError(f'There is no loss at {place!r}. Losses of this model: {", ".join(known)}.')
    weights = {path: getattr(model.get_submodule(path), 'loss_weight', None) for path in found}
    for path, weight in weights.items():
        if not isinstance(weight, Real) or isinstance(weight, bool):
            raise SetupError(f'The loss at {path!r} has no loss_weight that could be set; it is {weight!r}.')
    if len(set(weights.values())) > 1:
        listed = ', '.join(f'{path} {weight}' for path, weight in weights.items())
        raise SetupError(
            f'The losses of {place!r} have different weights ({listed}), so name each with its own schedule.'
        )
    return found


def require_disjoint(groups: Mapping[str, Iterable[str]]) -> None:
    """Checks that no loss is at two places.

    Raises:
        SetupError: One is.
    """
    seen: dict[str, str] = {}
    for place, paths in groups.items():
        for path in paths:
            if path in seen:
                raise SetupError(f'The loss at {path!r} is part of {seen[path]!r} and of {place!r}; name it once.')
            seen[path] = place


def set_weight(model: nn.Module, paths: Iterable[str], weight: float) -> None:
    """Sets the ``loss_weight`` of losses."""
    for path in paths:
        model.get_submodule(path).loss_weight = weight  # type: ignore[assignment]
