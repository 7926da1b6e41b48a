"""The state of a training between two iterations: taken from one Runner, put into another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank
from torch import Tensor

from mmautoloss.errors import SetupError
from mmautoloss.proxy.global_random import random_states, set_random_states

_PLAIN = (str, int, float, bool, type(None))


def take_state(runner: Any, iterations: int, epochs: int) -> dict[str, Any]:
    """The state of a training as a checkpoint of MMEngine, with the random states of all its processes.

    It has weights, optimiser, schedulers, what hooks keep (such as averaged weights) and the plain values of the message
    hub. Of other Python state, such as thresholds that a head adapts, it has as much as MMEngine's own checkpoints: none.

    Args:
        runner: The training.
        iterations: Iterations that are done.
        epochs: Epochs that are done; 0 in a training by iterations.
    """
    checkpoint = {
        'meta': {'iter': iterations, 'epoch': epochs, 'seed': runner.seed},
        'state_dict': _copied(runner.bare_model.state_dict()),
        'optimizer': _copied(runner.optim_wrapper.state_dict()),
        'param_schedulers': copy.deepcopy(_schedulers_state(runner.param_schedulers)),
        'message_hub': {
            key: _copied(value)
            for key, value in runner.message_hub.runtime_info.items()
            if isinstance(value, (*_PLAIN, Tensor))
        },
        'random': all_gather_object(_random_state()),
    }
    runner.call_hook('before_save_checkpoint', checkpoint=checkpoint)
    return checkpoint


def put_weights(runner: Any, checkpoint: Mapping[str, Any]) -> None:
    """Loads the weights of a checkpoint into the model, whose losses may be other ones."""
    weights = checkpoint['state_dict']
    result = runner.bare_model.load_state_dict(weights, strict=False)
    if result.missing_keys or result.unexpected_keys:
        keys = ', '.join([*result.missing_keys, *result.unexpected_keys][:3])
        raise SetupError(
            f'The saved training does not fit the model with these losses, which have weights of their own: {keys}. '
            "Take losses without weights, or proxy.begin='scratch'."
        )


def put_state(runner: Any, checkpoint: Mapping[str, Any], keep_optimizer: bool) -> None:
    """Puts all but the data and the random states into a Runner whose training is built but has not begun.

    Args:
        runner: The training.
        checkpoint: What ``take_state`` gave; it stays as it is.
        keep_optimizer: Whether the optimiser gets its state (momenta) back; its rates are those of the checkpoint anyway.
    """
    weights = checkpoint['state_dict']
    checkpoint = {key: dict(part) if isinstance(part, Mapping) else part for key, part in checkpoint.items()}
    runner._resume = True  # as EMAHook asks
    runner.call_hook('after_load_checkpoint', checkpoint=checkpoint)
    runner._resume = False
    if any(weight is not weights[key] for key, weight in checkpoint['state_dict'].items()):
        put_weights(runner, checkpoint)  # a hook had saved averaged weights in their place
    loop = runner.train_loop
    loop._iter, loop._epoch = checkpoint['meta']['iter'], checkpoint['meta']['epoch']  # as Runner.resume
    optimizer = copy.deepcopy(checkpoint['optimizer'])  # torch keeps the tensors that it is given
    if not keep_optimizer:
        optimizer = _with_state(optimizer, runner.optim_wrapper.state_dict())
    runner.optim_wrapper.load_state_dict(optimizer)
    _put_schedulers(runner.param_schedulers, checkpoint['param_schedulers'])
    for key, value in checkpoint['message_hub'].items():
        runner.message_hub.update_info(key, copy.deepcopy(value))


def put_random_state(checkpoint: Mapping[str, Any]) -> None:
    """Sets the random generators of this process."""
    states = checkpoint['random']
    state = states[min(get_rank(), len(states) - 1)]
    version, words, gauss = state['python']
    name, *rest = state['numpy']
    numpy = (name, state['words'].numpy().astype(np.uint32), *rest)
    set_random_states(((version, tuple(words), gauss), numpy, state['torch'], state['cuda']))


def _random_state() -> dict[str, Any]:
    """The states of all global random generators, in types that are loaded without running code."""
    (version, python, next_gauss), (name, words, position, has_gauss, gauss), cpu, cuda = random_states()
    return {
        'python': (version, list(python), next_gauss),
        'numpy': (str(name), int(position), int(has_gauss), float(gauss)),
        'words': torch.from_numpy(np.asarray(words).astype(np.int64)),
        'torch': cpu,
        'cuda': cuda,
    }


def _copied(value: Any) -> Any:
    """A copy on the CPU, with plain dicts."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(part) for part in value)
    return value


def _with_state(optimizer: dict[str, Any], fresh: Mapping[str, Any]) -> dict[str, Any]:
    """The rates of an optimiser with the state of a new one, also for several optimisers."""
    if 'state' in optimizer:
        return {**optimizer, 'state': fresh['state']}
    return {
        name: _with_state(part, fresh[name]) if isinstance(part, dict) else part for name, part in optimizer.items()
    }


def _schedulers_state(schedulers: Any) -> Any:
    if isinstance(schedulers, Mapping):
        return {name: _schedulers_state(part) for name, part in schedulers.items()}
    return [scheduler.state_dict() for scheduler in schedulers or []]


def _put_schedulers(schedulers: Any, states: Any) -> None:
    if isinstance(schedulers, Mapping):
        for name, part in schedulers.items():
            _put_schedulers(part, states[name])
        return
    for scheduler, state in zip(schedulers or [], states, strict=True):
        scheduler.load_state_dict(copy.deepcopy(state))
