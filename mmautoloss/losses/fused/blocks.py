"""Blocks of the positions of a call that fit into the cache of a processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from math import prod
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from mmautoloss.losses.fused.threads import OneThread, on_threads
from mmautoloss.losses.inputs.devices import is_queued

Result = TypeVar('Result')
SMALL = 2**17
"""Most elements of a call that is computed at once, on one thread."""
TINY = 2**14
"""Most elements of an operation that torch itself computes on one thread."""
ELEMENTS = {'cpu': 2**19}
"""Elements of a block, a tensor of 2 MiB; on other devices ``DEVICE_ELEMENTS``."""
DEVICE_ELEMENTS = 2**24
"""Elements of a block on a GPU, most calls as a whole, since each block launches all operations again; a bound on the memory
of intermediate values."""


_MIN_BLOCKS = 4
"""Fewest blocks of a call that is not small; not the number of threads, on which no sum should depend."""
_ANY_THREADS = nullcontext()


class Block(NamedTuple):
    """A range of rows or images, and a range of lines of their maps."""

    rows: slice
    lines: slice

    def of(self, tensor: Tensor) -> Tensor:
        """The part of a tensor (M, ...), (N, H, W) or (N, C, H, W); dimensions of size 1 stay."""
        if self is WHOLE:
            return tensor
        if len(tensor) > 1:
            tensor = tensor[self.rows]
        if tensor.dim() >= 3 and tensor.shape[-2] > 1:
            tensor = tensor[..., self.lines, :]
        return tensor


WHOLE = Block(slice(None), slice(None))


def blocks_of(pred: Tensor) -> Iterator[Block]:
    """The blocks of a prediction (M, C) or (N, C, H, W): some whole rows, or lines of one map."""
    limit = _most_elements(pred)
    count, size = len(pred), prod(pred.shape[1:])
    if size <= limit or pred.dim() == 2:
        step = max(1, limit // max(size, 1))
        for first in range(0, count, step):
            yield Block(slice(first, first + step), slice(None))
        return
    height = pred.shape[2]
    step = max(1, limit * height // size)
    for row in range(count):
        for first in range(0, height, step):
            yield Block(slice(row, row + 1), slice(first, first + step))


def _most_elements(pred: Tensor) -> int:
    """Most elements of a block."""
    if is_queued(pred):
        return ELEMENTS.get(pred.device.type, DEVICE_ELEMENTS)
    return min(ELEMENTS[pred.device.type], max(SMALL // 2, pred.numel() // _MIN_BLOCKS))


def is_small(pred: Tensor) -> bool:
    """Whether a call is computed at once: its cost depends on the number of operations, not on their size."""
    return pred.numel() <= (_most_elements(pred) if is_queued(pred) else SMALL)


def is_tiny(pred: Tensor) -> bool:
    """Whether operations take almost no time."""
    return pred.numel() <= TINY


def threads_of(pred: Tensor) -> AbstractContextManager[None]:
    """A context for a call: on the CPU small calls use one thread, to save the synchronisation of threads."""
    if is_tiny(pred) or not is_small(pred) or pred.device.type != 'cpu':
        return _ANY_THREADS
    return OneThread()


def valid_of(block: Block, valid: Tensor | None) -> Tensor | None:
    """Which elements of a block count, or None if all do; on a GPU always the mask, to save a synchronisation."""
    if valid is None:
        return None
    valid = block.of(valid)
    if torch.compiler.is_compiling() or is_queued(valid):
        return valid
    return None if bool(valid.all()) else valid


def each_block(function: Callable[[Block], Result], pred: Tensor) -> list[Result]:
    """The results of a function for the blocks of a prediction, in their order."""
    if pred.device.type != 'cpu':
        return [function(block) for block in blocks_of(pred)]
    return on_threads(function, blocks_of(pred))
