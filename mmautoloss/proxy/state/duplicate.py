"""A copy of a model that is the model as it was built."""

from __future__ import annotations

import copy
import types

from torch import Tensor, nn

from mmautoloss.proxy.state.parts import cells, contents_of, reachable


def duplicate(model: nn.Module) -> nn.Module | None:
    """A deep copy of a model; None where a copy would not be the same.

    That is where something in it cannot be copied (the weights of ``torch.nn.utils.weight_norm``), where a function
    remembers parts of the model, which would be those of the original, and where weights carry attributes or hooks of
    their own, which copies lose.
    """
    memo: dict[int, object] = {}
    try:
        found = copy.deepcopy(model, memo)
    except Exception:  # of the user's classes, whatever it may be: such a model is built instead
        return None
    things = [thing for _, thing in reachable({'': model})]
    return None if any(_is_lost(thing, memo) for thing in things) else found


def _is_lost(thing: object, memo: dict[int, object]) -> bool:
    if isinstance(thing, types.FunctionType):
        return any(id(inner := contents_of(cell)) in memo and memo[id(inner)] is not inner for _, cell in cells(thing))
    return isinstance(thing, Tensor) and bool(vars(thing) or thing._backward_hooks)
