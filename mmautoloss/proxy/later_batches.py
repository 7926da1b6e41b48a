"""The batches of a training from a later iteration on, without loading those before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch.utils.data import DataLoader


class LaterBatches:
    """A batch sampler that leaves out its first batches, the first time that it is iterated.

    Args:
        sampler: The batch sampler; one that ends is begun again, as MMEngine does.
        count: Number of batches that are left out.
        then: Called when they are left out, before the next batch is loaded.

    Attributes:
        epoch: How often the sampler was begun again for that.
    """

    def __init__(self, sampler: Any, count: int, then: Callable[[], None]) -> None:
        self.sampler = sampler
        self.epoch = 0
        self._count = count
        self._then = then

    def __len__(self) -> int:
        return len(self.sampler)

    def __getattr__(self, name: str) -> Any:
        if name == 'sampler':  # while a copy is made
            raise AttributeError(name)
        return getattr(self.sampler, name)

    def __iter__(self) -> Iterator[Any]:
        batches = iter(self.sampler)
        if self._count:
            batches = self._skip(batches)
            self._count = 0
            self._then()
        yield from batches

    def _skip(self, batches: Iterator[Any]) -> Iterator[Any]:
        for _ in range(self._count):
            if next(batches, None) is None:
                self.epoch += 1
                inner = getattr(self.sampler, 'sampler', self.sampler)
                if hasattr(inner, 'set_epoch'):
                    inner.set_epoch(self.epoch)
                batches = iter(self.sampler)
                next(batches)
        return batches


class LaterIterator:
    """The iterator of a training loop by iterations, which asks for all batches that it has passed.

    Args:
        batches: MMEngine's iterator over a loader that leaves these batches out.
        later: The batch sampler of that loader.
        count: Number of batches that it asks for in vain.
        then: Called after them if worker processes load the data, which have taken the first batches before.
    """

    def __init__(self, batches: Any, later: LaterBatches, count: int, then: Callable[[], None] | None) -> None:
        self._batches = batches
        self._later = later
        self._count = count
        self._then = then
        self._first = True

    def __iter__(self) -> LaterIterator:
        return self

    def __next__(self) -> Any:
        if self._count:
            self._count -= 1
            if not self._count and self._then:
                self._then()
            return None
        batch = next(self._batches)
        if self._first:
            self._first = False
            self._batches._epoch += self._later.epoch
        return batch


def skip_batches(loader: DataLoader, count: int, then: Callable[[], None]) -> LaterBatches:
    """Lets a loader leave out its first batches; torch forbids to exchange the sampler of a loader in the plain way."""
    later = LaterBatches(loader.batch_sampler, count, then)
    object.__setattr__(loader, 'batch_sampler', later)
    return later
