"""The total of a call by code that ``torch.compile`` writes for the expression."""

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
"""What could not be compiled, as the arguments of ``_code_for``: it is not tried again in this process."""
_numbers = count()


def run_compiled(name: str, otherwise: Callable[[], Any], pred: Tensor, call: Call, *scale: Tensor) -> Any:
    """The result of one of ``COMPILED``, compiled.

    Args:
        name: Which function.
        otherwise: Gives the result where compiling fails or has failed.
        pred: Raw predictions (M, ...).
        call: The rest of the call.
        scale: Factor of the total, a scalar, where the function takes it.

    Returns:
        The result. Of the first failure in a process a warning tells, with the reason.
    """
    tensors = (pred, call.target, call.weight, call.channel_weight, call.valid, *scale)
    given = tuple(tensor is not None for tensor in tensors)
    key = (name, call.tree, call.kind.name, pred.dtype, given, is_small(pred))
    if key in _failed:
        return otherwise()
    try:
        return _code_for(*key)(*tensors)
    except Exception as error:
        if not _is_of_compiler(error):
            raise
        reason = f'{type(error).__name__}: {error}'.strip().splitlines()[0]
    found = otherwise()  # a wrong call, on which the compiler fails too, ends here with its own error
    _remember(key, call.tree, reason)
    return found


def _remember(key: tuple[Any, ...], tree: Tree, reason: str) -> None:
    """Keeps what has failed; warns of the first."""
    if not _failed:
        warnings.warn(
            f'compile=True has no effect on {tree}: compiling failed ({reason}). Install a C++ compiler, or leave it out. '
            'If more expressions fail, this is not said again.',
            stacklevel=3,
        )
    _failed.add(key)


def _is_of_compiler(error: Exception) -> bool:
    """Whether an error is one of compiling, and not one of what is computed."""
    package = type(error).__module__.split('.')[:2]
    unsupported = isinstance(error, RuntimeError) and 'torch.compile is not supported' in str(error)
    return package in (['torch', '_dynamo'], ['torch', '_inductor']) or unsupported


@lru_cache(maxsize=256)
def _code_for(
    name: str, tree: Tree, kind: str, dtype: torch.dtype, given: tuple[bool, ...], small: bool
) -> Callable[..., Any]:
    """Code for one expression, one choice of arguments that are None, and small calls or large ones."""
    of_kind, function = input_kind(kind), COMPILED[name]
    plan = plan_of(evaluated(tree, of_kind), of_kind.from_prediction, of_kind.one_hot, dtype)

    def run(pred: Tensor, target: Tensor, weight: Any, channel_weight: Any, valid: Any, *scale: Tensor) -> Any:
        return function(plan, pred, Call(tree, of_kind, target, weight, channel_weight, valid), *scale)

    # with a name of its own, since compiled code is kept with the code that it replaces
    run.__code__ = run.__code__.replace(co_name=f'{name}_{next(_numbers)}')
    options = _guards(frozenset(run.__code__.co_freevars))
    if small:
        options['cpp.threads'] = 1
    return torch.compile(run, dynamic=True, options=options)


def _guards(closed: frozenset[str]) -> dict[str, Any]:
    """Options by which a call looks at no more than can change, where this version of torch has a filter.

    Globals and what the code closes over never do, and are most of the guards. The arguments do, and so do the state of
    torch, such as its gradient mode, and what was assumed of sizes: those that were equal are one number in the code.

    Args:
        closed: Names of the variables that the code closes over.
    """
    if not hasattr(torch.compiler, 'skip_guard_on_globals_unsafe'):
        return {}

    def keep(entries: Sequence[Any]) -> list[bool]:
        return [not entry.is_global and _variable(entry.name) not in closed for entry in entries]

    return {'guard_filter_fn': keep}


def _variable(name: str) -> str:
    """The variable of a guard on ``variable.attribute[0]``; none of a guard on sizes or on the state of torch."""
    return re.split(r'[.\[]', name, maxsplit=1)[0]


def _total(plan: Plan, pred: Tensor, call: Call, scale: Tensor) -> tuple[Tensor, Tensor | None]:
    return at_once(pred, plan, call, scale, wanted=False)


def _both(plan: Plan, pred: Tensor, call: Call, scale: Tensor) -> tuple[Tensor, Tensor | None]:
    return at_once(pred, plan, call, scale)


def _plain(plan: None, pred: Tensor, call: Call) -> Tensor:
    return plain_total(pred, call)


COMPILED: dict[str, Callable[..., Any]] = {'total': _total, 'both': _both, 'plain': _plain}
"""What can be compiled: the scaled total, it and its gradient, and the definition."""
