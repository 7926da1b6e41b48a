"""Passes of a model beside its training, of which the training keeps no trace."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from mmengine.model import is_model_wrapper
from mmengine.runner import set_random_seed
from torch import Tensor, nn

from mmautoloss.checks import MAX_SEED
from mmautoloss.proxy.global_random import kept_random_states
from mmautoloss.proxy.state import Snapshot


class LossCall(NamedTuple):
    """A call of a loss and what it gave."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Tensor


def bare(model: Any) -> Any:
    """The model within a wrapper such as that of several processes."""
    return model.module if is_model_wrapper(model) else model


@contextmanager
def aside(model: nn.Module, seed: int) -> Iterator[None]:
    """Restores the state of a model and the random generators afterwards; in the context they are seeded.

    So statistics of norms do not see what is computed in it, and it is the same in a resumed training.
    """
    before = Snapshot(model)
    # a snapshot leaves out our losses
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    with kept_random_states():
        set_random_seed(seed % MAX_SEED)
        try:
            yield
        finally:
            before.restore()
            for buffer, kept in buffers:
                buffer.data.copy_(kept)
            for module, training in modes:
                module.training = training


def recorded_calls(model: Any, losses: Mapping[str, nn.Module], batch: Any) -> dict[str, list[LossCall]]:
    """The calls of losses, by path, in one pass of a batch.

    Args:
        model: The model without wrapper.
        losses: Some of its losses.
        batch: A batch as a loader gives it; it stays as it is.
    """
    calls: dict[str, list[LossCall]] = {path: [] for path in losses}

    def recorder(path: str) -> Any:
        def record(module: nn.Module, args: Any, kwargs: Any, output: Tensor) -> None:
            calls[path].append(LossCall(args, kwargs, output))

        return record

    handles = [loss.register_forward_hook(recorder(path), with_kwargs=True) for path, loss in losses.items()]
    try:
        data: Any = model.data_preprocessor(copy.deepcopy(batch), True)
        model(**data, mode='loss') if isinstance(data, dict) else model(*data, mode='loss')
    finally:
        for handle in handles:
            handle.remove()
    return calls
