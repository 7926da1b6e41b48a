"""The user's trained model, with which candidates begin."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmautoloss.compat import allow_mmengine_checkpoints
from mmautoloss.errors import SetupError

_SHOWN = 3


def require_fitting(model: nn.Module, path: str) -> None:
    """Requires that a checkpoint has all weights of the model, in the same shapes, and only finite ones.

    Args:
        model: The model, with any weights.
        path: The checkpoint.

    Raises:
        SetupError: It cannot be read without running code, or does not fit.
    """
    weights = _read_weights(path)
    wrong = _misfits(model, weights)
    if wrong:
        raise SetupError(
            f'proxy.begin.checkpoint {path} does not fit the model of the search config: {"; ".join(wrong[:_SHOWN])}'
            + f' (and {len(wrong) - _SHOWN} more)' * (len(wrong) > _SHOWN)
            + '. It must be trained with the same model and classes.'
        )


def _read_weights(path: str) -> Mapping[str, Any]:
    allow_mmengine_checkpoints()
    try:
        checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu', logger=None)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise SetupError(
            f'proxy.begin.checkpoint {path} cannot be read as weights without running code from it '
            f'({type(error).__name__}). It must be a checkpoint of MMEngine, or the state_dict of a model.'
        ) from None
    weights = checkpoint.get('state_dict', checkpoint) if isinstance(checkpoint, Mapping) else None
    if not isinstance(weights, Mapping):
        raise SetupError(f'proxy.begin.checkpoint {path} has no weights: it must be a checkpoint of MMEngine.')
    return {key.removeprefix('module.'): value for key, value in weights.items()}


def _misfits(model: nn.Module, weights: Mapping[str, Any]) -> list[str]:
    """What is wrong with the weights of a checkpoint, by name."""
    problems = []
    for name, own in model.state_dict().items():
        weight = weights.get(name)
        if not isinstance(weight, Tensor):
            problems.append(f'{name} is missing')
        elif weight.shape != own.shape:
            problems.append(f'{name} is {_shape(weight)} there and {_shape(own)} here')
        elif not bool(torch.isfinite(weight).all()):
            problems.append(f'{name} is not finite')
    return problems


def _shape(weight: Tensor) -> str:
    return ' x '.join(map(str, weight.shape)) or 'a number'
