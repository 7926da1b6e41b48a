"""A model as built, from which copies for trainings are made."""

from __future__ import annotations

import copy
import sys
import types
from itertools import chain

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
        objects = [obj for _, obj in reachable({'': model})]
        self.shared = _of_modules(objects) + [obj for obj in objects if isinstance(obj, SHARED)]
        # a copy has the same functions as the original, with the same closures
        self._closures = Snapshot(*(obj for obj in objects if isinstance(obj, types.FunctionType)))

    def copy(self) -> nn.Module | None:
        """A deep copy of the model; None if a copy would not be equal.

        That is so if a part cannot be copied (the weights of ``torch.nn.utils.weight_norm``), if the closure of a function
        refers to parts of the model, which would be those of the original, and if weights have attributes or hooks, which
        copies lose.
        """
        self._closures.restore()
        memo: dict[int, object] = {id(obj): obj for obj in self.shared}
        try:
            model = copy.deepcopy(self.model, memo)
        except Exception:  # of the user's classes; such a model is built anew instead
            return None
        objects = (obj for _, obj in reachable({'': self.model}))
        return None if any(_is_lost(obj, memo) for obj in objects) else model


def _of_modules(objects: list[object]) -> list[object]:
    """The objects that are global variables of a module."""
    candidates = {id(obj): obj for obj in objects if not isinstance(obj, _NOT_SHARED)}
    modules = [module for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)]
    values = chain.from_iterable(list(vars(module).values()) for module in modules)
    named = set(candidates).intersection(map(id, values))  # of some hundred thousand values
    return [obj for number, obj in candidates.items() if number in named]


_NOT_SHARED = (types.FunctionType, Tensor, str, bytes, int, float, complex, tuple, type, types.ModuleType, type(None))


def _is_lost(obj: object, memo: dict[int, object]) -> bool:
    if isinstance(obj, types.FunctionType):
        return any(id(inner := contents_of(cell)) in memo and memo[id(inner)] is not inner for _, cell in cells(obj))
    return isinstance(obj, Tensor) and bool(vars(obj) or obj._backward_hooks)
