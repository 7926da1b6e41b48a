"""What an object holds at a moment, and how that is put back into it."""

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

_LARGEST = 2**20
"""Bytes of an array above which it is data."""


class Held(ABC):
    """What one object held.

    Args:
        thing: The object; it is kept.
    """

    def __init__(self, thing: Any) -> None:
        self.thing = thing
        self.was = self.now()

    @abstractmethod
    def now(self) -> Any:
        """What it holds now."""

    @abstractmethod
    def put(self) -> None:
        """Puts back what it held."""

    def changed(self) -> bool:
        """Whether it holds anything else by now."""
        was, now = self.was, self.now()
        return len(was) != len(now) or any(one is not other for one, other in zip(was, now, strict=True))


class HeldAttributes(Held):
    """Attributes, in ``vars`` and in slots."""

    def now(self) -> list[Any]:
        return [each for pair in attributes(self.thing).items() for each in pair]

    def put(self) -> None:
        was = dict(zip(self.was[::2], self.was[1::2], strict=True))
        for name in attributes(self.thing).keys() - was.keys():
            object.__delattr__(self.thing, name)
        own = getattr(self.thing, '__dict__', {})
        for name, value in was.items():
            if name in own or not hasattr(type(self.thing), name):
                own[name] = value  # as it was, whatever ``__setattr__`` would make of it
            else:
                object.__setattr__(self.thing, name, value)


class HeldItems(Held):
    """Keys and values of a dict."""

    def now(self) -> list[Any]:
        return [each for pair in dict.items(self.thing) for each in pair]

    def put(self) -> None:
        self.thing.clear()
        for key, value in zip(self.was[::2], self.was[1::2], strict=True):
            self.thing[key] = value


class HeldElements(Held):
    """Elements of a list, a deque or a set."""

    def now(self) -> list[Any]:
        return list(self.thing)

    def put(self) -> None:
        self.thing.clear()
        (self.thing.update if isinstance(self.thing, set) else self.thing.extend)(self.was)


class HeldCell(Held):
    """What a function remembers, such as a counter."""

    def now(self) -> list[Any]:
        return [contents_of(self.thing)]

    def put(self) -> None:
        self.thing.cell_contents = self.was[0]


class HeldNumbers(Held):
    """The numbers of an array or tensor."""

    def now(self) -> Any:
        return self.thing.detach().clone() if isinstance(self.thing, Tensor) else self.thing.copy()

    def changed(self) -> bool:
        now = self.thing.detach() if isinstance(self.thing, Tensor) else self.thing
        if now.shape != self.was.shape or now.dtype != self.was.dtype:
            return True
        if isinstance(now, Tensor):
            return now.device != self.was.device or not torch.equal(now, self.was)
        return now.tobytes() != self.was.tobytes()

    def put(self) -> None:
        if isinstance(self.thing, Tensor):
            self.thing.data = self.was.clone()
        else:
            self.thing[...] = self.was


class HeldRandomState(Held):
    """The state of a generator of random numbers."""

    def now(self) -> Any:
        return chance_of(self.thing)

    def changed(self) -> bool:
        return as_bytes(self.now()) != as_bytes(self.was)

    def put(self) -> None:
        if isinstance(self.thing, random.Random):
            self.thing.setstate(self.was)
        elif isinstance(self.thing, np.random.Generator):
            self.thing.bit_generator.state = self.was
        else:
            self.thing.set_state(self.was)


GENERATORS = (random.Random, np.random.Generator, np.random.RandomState, torch.Generator)


def chance_of(generator: Any) -> Any:
    """The state of a generator of random numbers."""
    if isinstance(generator, random.Random):
        return generator.getstate()
    return generator.bit_generator.state if isinstance(generator, np.random.Generator) else generator.get_state()


def as_bytes(state: Any) -> bytes:
    """The state of a generator, to compare it."""
    return state.numpy().tobytes() if isinstance(state, Tensor) else repr(state).encode()


def held(thing: Any) -> list[Held]:
    """What an object holds; nothing where that cannot change or is data."""
    if isinstance(thing, GENERATORS):
        return [HeldRandomState(thing)]
    found: list[Held] = []
    if isinstance(thing, dict):
        found.append(HeldItems(thing))
    elif isinstance(thing, (list, deque, set)):
        found.append(HeldElements(thing))
    elif isinstance(thing, types.CellType):
        found.append(HeldCell(thing))
    elif _is_small(thing):
        found.append(HeldNumbers(thing))
    if getattr(thing, '__dict__', None) is not None or attributes(thing):
        found.append(HeldAttributes(thing))
    return found


def _is_small(thing: Any) -> bool:
    if isinstance(thing, nn.Parameter):
        return False
    is_array = isinstance(thing, Tensor) or (isinstance(thing, np.ndarray) and thing.dtype != object)
    return is_array and thing.nbytes <= _LARGEST and getattr(getattr(thing, 'flags', None), 'writeable', True)
