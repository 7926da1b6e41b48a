"""A model as it was built, of which any number of copies are made."""

from __future__ import annotations

import copy
import sys
import types

from torch import Tensor, nn

from mmautoloss.proxy.state.parts import SHARED, cells, contents_of, reachable
from mmautoloss.proxy.state.snapshot import Snapshot


class Original:
    """A model in which nothing is ever run.

    What belongs to the process, such as numpy's generator of random numbers, a table of a module or MMEngine's message
    hub, is shared by all copies, as it is by all models that are built.

    Args:
        model: The model.

    Attributes:
        shared: What models share.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        things = [thing for _, thing in reachable({'': model})]
        self.shared = _of_modules(things) + [thing for thing in things if isinstance(thing, SHARED)]
        # a copy has the very functions of the original, with what they remember
        self._remembered = Snapshot(*(thing for thing in things if isinstance(thing, types.FunctionType)))

    def copy(self) -> nn.Module | None:
        """A deep copy of the model; None where a copy would not be the same.

        That is where something in it cannot be copied (the weights of ``torch.nn.utils.weight_norm``), where a function
        remembers parts of the model, which would be those of the original, and where weights carry attributes or hooks of
        their own, which copies lose.
        """
        self._remembered.restore()
        memo: dict[int, object] = {id(thing): thing for thing in self.shared}
        try:
            found = copy.deepcopy(self.model, memo)
        except Exception:  # of the user's classes, whatever it may be: such a model is built instead
            return None
        things = (thing for _, thing in reachable({'': self.model}))
        return None if any(_is_lost(thing, memo) for thing in things) else found


def _of_modules(things: list[object]) -> list[object]:
    """Those that are the value of a name in a module."""
    found = {id(thing): thing for thing in things if not isinstance(thing, (types.FunctionType, Tensor))}
    modules = [module for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)]
    named = {id(value) for module in modules for value in list(vars(module).values())}
    return [thing for number, thing in found.items() if number in named and not isinstance(thing, _VALUES)]


_VALUES = (str, bytes, int, float, complex, tuple, type, types.ModuleType, type(None))


def _is_lost(thing: object, memo: dict[int, object]) -> bool:
    if isinstance(thing, types.FunctionType):
        return any(id(inner := contents_of(cell)) in memo and memo[id(inner)] is not inner for _, cell in cells(thing))
    return isinstance(thing, Tensor) and bool(vars(thing) or thing._backward_hooks)
