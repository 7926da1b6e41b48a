"""The parts of an object that a training may change."""

from __future__ import annotations

import copyreg
import functools
import random
import types
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmengine.utils import ManagerMixin
from torch import Tensor
from torch.utils.hooks import RemovableHandle

MANY = 1000
"""Length above which a container counts as data, such as annotations, and is not traversed."""

STORES = frozenset({'data_list', 'data_bytes', 'data_address', 'coco', '_coco_api', 'prepare_data'})
"""Attributes in which libraries keep annotations, which never change; the last one holds cached samples."""

_FOREIGN = frozenset(
    {
        *('logging', 'io', '_io', 'socket', 'subprocess', 'tempfile', 'weakref', 'queue'),
        *('threading', '_thread', 'multiprocessing', 'concurrent', 'asyncio'),
    }
)
"""Modules whose objects belong to the process, not to a training."""

_ATOMS = (str, bytes, int, float, complex, type, types.ModuleType, types.BuiltinFunctionType, range, slice, type(None))
_GLOBAL_GENERATORS = (random._inst, np.random.mtrand._rand, torch.default_generator)
"""Global random generators, which each training seeds."""

_OURS = ('mmautoloss.proxy.', 'mmautoloss.losses.', 'mmautoloss.expr.')
SHARED = (Runner, ManagerMixin, Registry)
"""Classes whose objects belong to the process or are made anew for each training, and never to a model."""


def parts_of(thing: Any) -> Iterator[tuple[str, Any]]:
    """The parts of an object, by their path from it: ``.name``, ``[key]``.

    Large containers have none, and attributes in ``STORES`` are left out.
    """
    if isinstance(thing, dict):
        yield from _items(thing) if len(thing) <= MANY else ()
    elif isinstance(thing, (list, tuple, deque)):
        yield from ((f'[{index}]', value) for index, value in enumerate(thing)) if len(thing) <= MANY else ()
    elif isinstance(thing, functools.partial):
        yield from (('.func', thing.func), ('.args', thing.args), ('.keywords', thing.keywords))
    elif isinstance(thing, types.MethodType):
        yield '', thing.__self__
    elif isinstance(thing, types.FunctionType):
        yield from ((f'<{name}>', cell) for name, cell in cells(thing))
    elif isinstance(thing, types.CellType):
        yield '', contents_of(thing)
    yield from _attributes(thing)


def _items(thing: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    # torch numbers hooks across the process, so integer keys are replaced by their index
    names = (index if isinstance(key, int) else repr(key) for index, key in enumerate(dict.keys(thing)))
    pairs = zip(names, dict.items(thing), strict=True)
    return ((f'[{name}]', value) for name, (key, value) in pairs if not (isinstance(key, str) and key in STORES))


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    return ((f'.{name}', value) for name, value in attributes(thing).items() if name not in STORES)


def attributes(thing: Any) -> dict[str, Any]:
    """The attributes of an object in ``__dict__`` and in slots; none for a class."""
    values = {} if isinstance(thing, type) else dict(getattr(thing, '__dict__', ()))
    kind: type = type(thing)
    values.update((name, getattr(thing, name)) for name in _slots(kind) if hasattr(thing, name))
    return values


@functools.cache
def _slots(kind: type) -> tuple[str, ...]:
    if issubclass(kind, (Config, Tensor)):
        return ()
    return tuple(copyreg._slotnames(kind))  # type: ignore[attr-defined]  # as pickle does


def cells(function: types.FunctionType) -> Iterator[tuple[str, types.CellType]]:
    """The closure cells of a function, by variable name."""
    return zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)


def contents_of(cell: types.CellType) -> Any:
    """The value in a closure cell; None if it is empty."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def is_whole(thing: Any) -> bool:
    """Whether an object has no parts that a training may change."""
    return (
        isinstance(thing, (*_ATOMS, *SHARED, RemovableHandle))
        or any(thing is generator for generator in _GLOBAL_GENERATORS)
        or type(thing).__module__.partition('.')[0] in _FOREIGN
        or type(thing).__module__.startswith(_OURS)
        or (isinstance(thing, types.FunctionType) and not thing.__closure__ and not vars(thing))
    )


def reachable(roots: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """All objects reachable from others: each once, by its first path; those without parts once per path."""
    seen: set[int] = set()
    pending = list(roots.items())[::-1]
    kept = []  # holds temporary objects, since the id of a freed one could be reused
    while pending:
        path, thing = pending.pop()
        if not is_whole(thing):
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            kept.append(thing)
            pending += reversed([(path + name, part) for name, part in parts_of(thing)])
        yield path, thing


def is_array(thing: Any) -> bool:
    """Whether an object is a tensor or an array of numbers."""
    return isinstance(thing, Tensor) or (isinstance(thing, np.ndarray) and thing.dtype != object)
