"""The total of a call by code that ``torch.compile`` writes for the expression."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.expr.plan import Plan, plan_of
from mmautoloss.losses.blocks import is_small
from mmautoloss.losses.call import Call, plain_total
from mmautoloss.losses.inputs import input_kind
from mmautoloss.losses.passes import at_once

Compiled = Callable[..., Any]
_failed: list[str] = []
"""Why compiling failed, once it has: it is not tried again in this process."""


def run_compiled(name: str, pred: Tensor, call: Call, *scale: Tensor) -> Any:
    """The result of one of ``COMPILED``, compiled; computed plainly where compiling fails, with one warning a process.

    Args:
        name: Which function.
        pred: Raw predictions (M, ...).
        call: The rest of the call.
        scale: Factor of the total, a scalar, where the function takes it.
    """
    tensors = (pred, call.target, call.weight, call.channel_weight, call.valid, *scale)
    if _failed:
        return _function(name, call.tree, call.kind.name, pred.dtype)(*tensors)
    try:
        return _compiled(name, call.tree, call.kind.name, pred.dtype, is_small(pred))(*tensors)
    except Exception as error:
        if not _is_of_compiler(error):
            raise
        _failed.append(f'{type(error).__name__}: {error}'.strip().splitlines()[0])
        warnings.warn(
            f'compile=True has no effect: compiling failed ({_failed[0]}). Install a C++ compiler, or leave it out.',
            stacklevel=2,
        )
        return run_compiled(name, pred, call, *scale)


def _is_of_compiler(error: Exception) -> bool:
    """Whether an error is one of compiling, and not one of what is computed."""
    package = type(error).__module__.split('.')[:2]
    unsupported = isinstance(error, RuntimeError) and 'torch.compile is not supported' in str(error)
    return package in (['torch', '_dynamo'], ['torch', '_inductor']) or unsupported


@lru_cache(maxsize=256)
def _compiled(name: str, tree: Tree, kind: str, dtype: torch.dtype, small: bool) -> Compiled:
    # a function for each expression, whose own parts never change: only the tensors need a look in every call
    look = getattr(torch.compiler, 'keep_tensor_guards_unsafe', None)
    options = {} if look is None else {'guard_filter_fn': look}
    if small:
        options['cpp.threads'] = 1
    return torch.compile(_function(name, tree, kind, dtype, small), dynamic=True, options=options)


@lru_cache(maxsize=256)
def _function(name: str, tree: Tree, kind: str, dtype: torch.dtype, small: bool = False) -> Compiled:
    of_kind, function = input_kind(kind), COMPILED[name]
    plan = plan_of(tree, of_kind.from_prediction, of_kind.one_hot, dtype)

    def run(pred: Tensor, target: Tensor, weight: Any, channel_weight: Any, valid: Any, *scale: Tensor) -> Any:
        call = Call(tree, of_kind, target, weight, channel_weight, valid)
        return function(plan, pred, call, *scale)

    # code of its own, since compiled code is found by the code that it replaces
    run.__code__ = run.__code__.replace(co_name=f'{name}_{abs(hash((name, tree, kind, dtype, small)))}')
    return run


def _total(plan: Plan, pred: Tensor, call: Call, scale: Tensor) -> tuple[Tensor, None]:
    return at_once(pred, plan, call, scale, wanted=False)


def _both(plan: Plan, pred: Tensor, call: Call, scale: Tensor) -> tuple[Tensor, Tensor]:
    return at_once(pred, plan, call, scale)


def _plain(plan: None, pred: Tensor, call: Call) -> Tensor:
    return plain_total(pred, call)


COMPILED: dict[str, Callable[..., Any]] = {'total': _total, 'both': _both, 'plain': _plain}
"""What can be compiled: the scaled total, it and its gradient, and the definition."""
