"""The total of a call, computed by ``torch.compile``."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import torch
from torch import Tensor

from mmautoloss.expr import Tree
from mmautoloss.losses.call_inputs import evaluated
from mmautoloss.losses.definition import Call, plain_total
from mmautoloss.losses.fused.blocks import is_small
from mmautoloss.losses.fused.passes import at_once
from mmautoloss.losses.fused.plan import Plan, plan_of
from mmautoloss.losses.inputs import input_kind

_failed: set[tuple[Any, ...]] = set()
"""Arguments of ``_code_for`` for which compilation failed; it is not tried again in this process."""
_numbers = count()


def run_compiled(name: str, fallback: Callable[[], Any], pred: Tensor, call: Call, *scale: Tensor) -> Any:
    """The result of one of ``COMPILED``, compiled.

    Args:
        name: Which function.
        fallback: Computes the result if compilation fails or has failed.
        pred: Raw predictions (M, ...).
        call: The rest of the call.
        scale: Factor of the total, a scalar, if the function takes it.

    Returns:
        The result. A warning reports the first failure in a process, with the reason.
    """
    tensors = (pred, call.target, call.weight, call.channel_weight, call.valid, call.elapsed, *scale)
    present = tuple(tensor is not None for tensor in tensors)
    key = (name, call.tree, call.kind.name, call.is_one_hot(pred), pred.dtype, present, is_small(pred))
    if key in _failed:
        return fallback()
    try:
        return _code_for(*key)(*tensors)
    except Exception as error:
        if not _is_of_compiler(error):
            raise
        reason = f'{type(error).__name__}: {error}'.strip().splitlines()[0]
    result = fallback()  # an invalid call, on which the compiler fails too, raises its own error here
    _remember(key, call.tree, reason)
    return result


def _remember(key: tuple[Any, ...], tree: Tree, reason: str) -> None:
    """Records a failure; warns of the first one."""
    if not _failed:
        warnings.warn(
            f'compile=True has no effect on {tree}: compiling failed ({reason}). Install a C++ compiler, or leave it out. '
            'If more expressions fail, this is not said again.',
            stacklevel=3,
        )
    _failed.add(key)


def _is_of_compiler(error: Exception) -> bool:
    """Whether an error is one of the compilation, not of the computation."""
    package = type(error).__module__.split('.')[:2]
    unsupported = isinstance(error, RuntimeError) and 'torch.compile is not supported' in str(error)
    return package in (['torch', '_dynamo'], ['torch', '_inductor']) or unsupported


@lru_cache(maxsize=256)
def _code_for(
    name: str, tree: Tree, kind_name: str, one_hot: bool, dtype: torch.dtype, present: tuple[bool, ...], small: bool
) -> Callable[..., Any]:
    """Code for one expression, for one choice of arguments that are None, and for small or large calls."""
    kind, function = input_kind(kind_name), COMPILED[name]
    plan = plan_of(evaluated(tree, kind), kind.from_prediction, one_hot, dtype)

    def run(
        pred: Tensor, target: Tensor, weight: Any, channel_weight: Any, valid: Any, elapsed: Any, *scale: Tensor
    ) -> Any:
        return function(plan, pred, Call(tree, kind, target, weight, channel_weight, valid, elapsed), *scale)

    # with a unique name, since compiled code is cached with the code that it replaces
    run.__code__ = run.__code__.replace(co_name=f'{name}_{next(_numbers)}')
    options = _guards(frozenset(run.__code__.co_freevars))
    if small:
        options['cpp.threads'] = 1
    return torch.compile(run, dynamic=True, options=options)


def _guards(closure: frozenset[str]) -> dict[str, Any]:
    """Options that keep only the guards that can fail, if this version of torch has a filter for guards.

    Guards on globals and closure variables never fail, and are the most frequent ones. Those on the arguments can fail, and
    so can those on the state of torch, such as its gradient mode, and on sizes: equal sizes are one number in the code.

    Args:
        closure: Names of the closure variables of the code.
    """
    if not hasattr(torch.compiler, 'skip_guard_on_globals_unsafe'):
        return {}

    def keep(entries: Sequence[Any]) -> list[bool]:
        return [not entry.is_global and _variable(entry.name) not in closure for entry in entries]

    return {'guard_filter_fn': keep}


def _variable(name: str) -> str:
    """The variable of a guard on ``variable.attribute[0]``; guards on sizes or on the state of torch have none."""
    return re.split(r'[.\[]', name, maxsplit=1)[0]


def _total(plan: Plan, pred: Tensor, call: Call, scale: Tensor) -> tuple[Tensor, Tensor | None]:
    return at_once(pred, plan, call, scale, with_gradient=False)


def _total_and_gradient(plan: Plan, pred: Tensor, call: Call, scale: Tensor) -> tuple[Tensor, Tensor | None]:
    return at_once(pred, plan, call, scale)


def _plain(plan: None, pred: Tensor, call: Call) -> Tensor:
    return plain_total(pred, call)


COMPILED: dict[str, Callable[..., Any]] = {'total': _total, 'both': _total_and_gradient, 'plain': _plain}
"""Functions that can be compiled: the scaled total, the total and its gradient, and the definition."""
