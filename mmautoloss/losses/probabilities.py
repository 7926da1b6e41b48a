"""Logits of heads that pass probabilities, such as those of TOOD, CornerNet and SOLO."""

from __future__ import annotations

import torch
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.losses.inputs import InputKind


def logits_of(pred: Tensor, kind: InputKind) -> Tensor:
    """The logits of which a head made its prediction, up to a constant of a row where they had a softmax.

    Probabilities that are rounded to 0 or 1 count as the nearest number that is not, and have no gradient.

    Args:
        pred: Probabilities.
        kind: A kind of input that ``require_probabilities`` accepts.
    """
    pred = pred if pred.dtype == torch.float64 else pred.float()  # halves are soon rounded to 1
    if kind.activation == 'sigmoid':
        return pred.logit(torch.finfo(pred.dtype).eps)
    return pred.clamp(min=torch.finfo(pred.dtype).tiny).log()


def require_probabilities(activated: bool, kind: InputKind) -> None:
    """Checks that a kind of input has probabilities that a head may pass in place of logits.

    Raises:
        SetupError: It is not so, or the setting is no bool.
    """
    if not isinstance(activated, bool):
        raise SetupError(f'activated must be True or False, but got {activated!r}.')
    if activated and kind.activation not in ('sigmoid', 'softmax'):
        raise SetupError(
            f'activated=True needs inputs with probabilities, but got inputs={kind.name!r}; leave it out.'
        )
