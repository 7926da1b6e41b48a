"""A model as built, from which copies for trainings are made."""

from __future__ import annotations

import copy
import sys
import types

from torch import Tensor, nn

from mmautoloss.proxy.state.parts import SHARED, cells, contents_of, reachable
from mmautoloss.proxy.state.snapshot import Snapshot


class Original:
    """A model that is never run.

    Objects that belong to the process, such as numpy's random generator, a table of a module or MMEngine's message hub, are
    shared by all copies, as they are by all models that are built.

    Args:
        model: The model.

    Attributes:
        shared: The objects that models share.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        things = [thing for _, thing in reachable({'': model})]
        self.shared = _of_modules(things) + [thing for thing in things if isinstance(thing, SHARED)]
        # a copy has the same functions as the original, with the same closures
        self._closures = Snapshot(*(thing for thing in things if isinstance(thing, types.FunctionType)))

    def copy(self) -> nn.Module | None:
        """A deep copy of the model; None if a copy would not be equal.

        That is so if a part cannot be copied (the weights of ``torch.nn.utils.weight_norm``), if the closure of a function
        refers to parts of the model, which would be those of the original, and if weights have attributes or hooks, which
        copies lose.
        """
        self._closures.restore()
        memo: dict[int, object] = {id(thing): thing for thing in self.shared}
        try:
            model = copy.deepcopy(self.model, memo)
        except Exception:  # of the user's classes; such a model is built anew instead
            return None
        things = (thing for _, thing in reachable({'': self.model}))
        return None if any(_is_lost(thing, memo) for thing in things) else model


def _of_modules(things: list[object]) -> list[object]:
    """The objects that are global variables of a module."""
    candidates = {id(thing): thing for thing in things if not isinstance(thing, (types.FunctionType, Tensor))}
    modules = [module for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)]
    named = {id(value) for module in modules for value in list(vars(module).values())}
    return [thing for number, thing in candidates.items() if number in named and not isinstance(thing, _VALUES)]


_VALUES = (str, bytes, int, float, complex, tuple, type, types.ModuleType, type(None))


def _is_lost(thing: object, memo: dict[int, object]) -> bool:
    if isinstance(thing, types.FunctionType):
        return any(id(inner := contents_of(cell)) in memo and memo[id(inner)] is not inner for _, cell in cells(thing))
    return isinstance(thing, Tensor) and bool(vars(thing) or thing._backward_hooks)
