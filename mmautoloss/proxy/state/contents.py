"""The contents of single objects: saved, compared and restored."""

from __future__ import annotations

import random
import types
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmautoloss.proxy.state.parts import attributes, contents_of

_MAX_BYTES = 2**20
"""Size in bytes above which an array counts as data and is not saved."""


class Saved(ABC):
    """The saved contents of one object.

    Args:
        target: The object; a reference to it is kept.
    """

    def __init__(self, target: Any) -> None:
        self.target = target
        self.saved = self.now()

    @abstractmethod
    def now(self) -> Any:
        """The contents now."""

    @abstractmethod
    def restore(self) -> None:
        """Restores the saved contents."""

    def changed(self) -> bool:
        """Whether the contents differ from the saved ones."""
        saved, now = self.saved, self.now()
        return len(saved) != len(now) or any(one is not other for one, other in zip(saved, now, strict=True))


class SavedAttributes(Saved):
    """The attributes of an object, in ``__dict__`` and in slots."""

    def now(self) -> list[Any]:
        return [item for pair in attributes(self.target).items() for item in pair]

    def restore(self) -> None:
        saved = dict(zip(self.saved[::2], self.saved[1::2], strict=True))
        for name in attributes(self.target).keys() - saved.keys():
            object.__delattr__(self.target, name)
        own = getattr(self.target, '__dict__', {})
        for name, value in saved.items():
            if name in own or not hasattr(type(self.target), name):
                own[name] = value  # bypasses a ``__setattr__`` that would change it
            else:
                object.__setattr__(self.target, name, value)


class SavedItems(Saved):
    """The keys and values of a dict."""

    def now(self) -> list[Any]:
        return [item for pair in dict.items(self.target) for item in pair]

    def restore(self) -> None:
        self.target.clear()
        for key, value in zip(self.saved[::2], self.saved[1::2], strict=True):
            self.target[key] = value


class SavedElements(Saved):
    """The elements of a list, a deque or a set."""

    def now(self) -> list[Any]:
        return list(self.target)

    def restore(self) -> None:
        self.target.clear()
        (self.target.update if isinstance(self.target, set) else self.target.extend)(self.saved)


class SavedCell(Saved):
    """The value of a closure cell of a function, such as a counter."""

    def now(self) -> list[Any]:
        return [contents_of(self.target)]

    def restore(self) -> None:
        self.target.cell_contents = self.saved[0]


class SavedNumbers(Saved):
    """The numbers of an array or tensor."""

    def now(self) -> Any:
        return self.target.detach().clone() if isinstance(self.target, Tensor) else self.target.copy()

    def changed(self) -> bool:
        now = self.target.detach() if isinstance(self.target, Tensor) else self.target
        if now.shape != self.saved.shape or now.dtype != self.saved.dtype:
            return True
        if isinstance(now, Tensor):
            return now.device != self.saved.device or not torch.equal(now, self.saved)
        return now.tobytes() != self.saved.tobytes()

    def restore(self) -> None:
        if isinstance(self.target, Tensor):
            self.target.data = self.saved.clone()
        else:
            self.target[...] = self.saved


class SavedRandomState(Saved):
    """The state of a random generator."""

    def now(self) -> Any:
        return random_state_of(self.target)

    def changed(self) -> bool:
        return as_bytes(self.now()) != as_bytes(self.saved)

    def restore(self) -> None:
        if isinstance(self.target, random.Random):
            self.target.setstate(self.saved)
        elif isinstance(self.target, np.random.Generator):
            self.target.bit_generator.state = self.saved
        else:
            self.target.set_state(self.saved)


GENERATORS = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)


def random_state_of(generator: Any) -> Any:
    """The state of a random generator."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    return generator.bit_generator.state if isinstance(generator, np.random.Generator) else generator.get_state()


def as_bytes(state: Any) -> bytes:
    """The state of a random generator as bytes, for comparison."""
    return state.numpy().tobytes() if isinstance(state, Tensor) else repr(state).encode()


def save(thing: Any) -> list[Saved]:
    """Saves the contents of an object; returns an empty list if they cannot change or are data."""
    if isinstance(thing, GENERATORS):
        return [SavedRandomState(thing)]
    saved: list[Saved] = []
    if isinstance(thing, dict):
        saved.append(SavedItems(thing))
    elif isinstance(thing, (list, deque, set)):
        saved.append(SavedElements(thing))
    elif isinstance(thing, types.CellType):
        saved.append(SavedCell(thing))
    elif _is_small(thing):
        saved.append(SavedNumbers(thing))
    if getattr(thing, '__dict__', None) is not None or attributes(thing):
        saved.append(SavedAttributes(thing))
    return saved


def _is_small(thing: Any) -> bool:
    if isinstance(thing, nn.Parameter):
        return False
    is_array = isinstance(thing, Tensor) or (isinstance(thing, np.ndarray) and thing.dtype != object)
    return is_array and thing.nbytes <= _MAX_BYTES and getattr(getattr(thing, 'flags', None), 'writeable', True)
